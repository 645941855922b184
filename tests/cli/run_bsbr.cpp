#include "tests/cli/run_bsbr.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <QElapsedTimer>
#include <QProcess>
#include <QStringList>
#include <QThread>
#include <algorithm>
#include <csignal>
#include <stdexcept>

#include "engine/base/error.h"
#include "engine/base/utf8.h"

namespace bsbr::test {

std::string RunResult::text() const {
  return cat("exit ", code, ", ", seconds, " s, stdout: ", out.substr(0, 2000),
             ", stderr: ", err.substr(0, 2000));
}

nlohmann::json RunResult::json() const {
  if (code != 0) throw std::runtime_error(text());
  return nlohmann::json::parse(out);
}

namespace {

/// Runs the program with arguments of any bytes; Qt passes only UTF-8.
QString shell_script(const std::vector<std::string>& arguments) {
  QString script = "exec '" BSBR_PROGRAM "'";
  for (const std::string& argument : arguments) {
    script += " \"$(printf '";
    for (const char c : argument)
      script += QString("\\%1").arg(static_cast<unsigned char>(c), 3, 8, QChar('0'));
    script += "')\"";
  }
  return script;
}

/// Waits until a signal is to be sent; false if the program ends before.
bool is_time_for_signal(QProcess& process, const RunOptions& options) {
  if (options.signal_on_output) return process.waitForReadyRead(options.limit_ms);
  if (!options.signal_when) return !process.waitForFinished(std::max(1, options.signal_after_ms));
  while (!options.signal_when()) {
    if (process.waitForFinished(2) || process.state() == QProcess::NotRunning) return false;
  }
  return true;
}

}  // namespace

RunResult run_bsbr(const std::vector<std::string>& arguments, const RunOptions& options) {
  QProcess process;
  QStringList list;
  for (const std::string& argument : arguments)
    list << QString::fromLocal8Bit(argument.data(), qsizetype(argument.size()));
  QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
  // Threads that wait must not take the time of those that work, on machines with fewer cores than threads.
  environment.insert("OMP_WAIT_POLICY", "passive");
  for (const auto& [name, value] : options.environment) {
    environment.insert(QString::fromStdString(name), QString::fromStdString(value));
  }
  process.setProcessEnvironment(environment);
  if (options.in_child) process.setChildProcessModifier(options.in_child);
  if (!options.folder.empty()) process.setWorkingDirectory(QString::fromStdString(options.folder));
  QElapsedTimer timer;
  timer.start();
  if (std::ranges::all_of(arguments, is_valid_utf8)) {
    process.start(BSBR_PROGRAM, list);
  } else {
    process.start("/bin/sh", {"-c", shell_script(arguments)});
  }
  if (!process.waitForStarted()) throw std::runtime_error(cat(BSBR_PROGRAM, ": cannot be started"));
  process.write(options.input.data(), qint64(options.input.size()));
  process.closeWriteChannel();
  if (options.signal != 0) {
    if (is_time_for_signal(process, options)) ::kill(static_cast<pid_t>(process.processId()), options.signal);
  }
  RunResult result;
  if (process.state() != QProcess::NotRunning && !process.waitForFinished(options.limit_ms)) {
    process.kill();
    process.waitForFinished();
    throw std::runtime_error(cat(BSBR_PROGRAM, ": did not end within ", options.limit_ms, " ms"));
  }
  result.seconds = static_cast<double>(timer.nsecsElapsed()) * 1e-9;
  result.code = process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -process.exitCode();
  result.out = process.readAllStandardOutput().toStdString();
  result.err = process.readAllStandardError().toStdString();
  return result;
}

std::string refusal_problem(const RunResult& result, const std::vector<std::string>& parts) {
  if (result.code != 1) return "not exit 1: " + result.text();
  if (!result.out.empty()) return "something on stdout: " + result.text();
  if (!result.err.starts_with("bsbr: ") || !result.err.ends_with('\n'))
    return "not \"bsbr: ...\": " + result.text();
  if (std::ranges::count(result.err, '\n') != 1) return "not one line: " + result.text();
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (std::any_of(result.err.begin(), result.err.end() - 1, control))
    return "control characters: " + result.text();
  for (const std::string& part : parts) {
    if (result.err.find(part) == std::string::npos) return cat("\"", part, "\" is not in: ", result.text());
  }
  return {};
}

void obey_permissions() {
  if (::geteuid() == 0) ::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
}

}  // namespace bsbr::test

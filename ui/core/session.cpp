#include "ui/core/session.h"

#include <QSaveFile>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/base/json_file.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;
constexpr int kVersion = 1;

std::string resolved(const std::string& path, const fs::path& folder) {
  if (!path.starts_with("./") && !path.starts_with("../")) return path;
  return fs::absolute(folder / path).lexically_normal().string();
}

Session read(const nlohmann::json& json, const fs::path& folder) {
  Session session;
  const auto path = [&](const nlohmann::json& of, const char* key) {
    return resolved(of.value(key, std::string()), folder);
  };
  session.checkpoint = QString::fromStdString(path(json, "checkpoint"));
  session.settings = ConversionSettings::from_json(json.value("conversion", nlohmann::json::object()));
  session.settings.calibration = resolved(session.settings.calibration, folder);
  session.text = QString::fromStdString(json.value("text", std::string()));
  if (const std::string file = path(json, "text_file"); !file.empty())
    session.text = QString::fromStdString(read_text_file(file, std::uint64_t{64} << 20));
  session.tab = QString::fromStdString(json.value("tab", std::string()));
  session.converted = json.value("converted", false);
  const nlohmann::json selection = json.value("selection", nlohmann::json::object());
  const auto number = [&](const char* key) {
    return static_cast<int>(integer_or(selection, key, 0, 0, std::numeric_limits<int>::max()));
  };
  session.selection.layer = number("layer");
  session.selection.head = number("head");
  if (selection.contains("query")) session.selection.query = integer_or(selection, "query", 0, 0);
  return session;
}

}  // namespace

Session Session::load(const fs::path& file) {
  const nlohmann::json json = read_json_object(file);
  try {
    if (const std::int64_t version = integer_or(json, "version", 0); version != kVersion) {
      throw Error(ErrorKind::InvalidFile,
                  cat("is no session of version ", kVersion, " of BSBR Studio; its version is ", version));
    }
    return read(json, fs::absolute(file).parent_path());
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::InvalidFile, cat(file.string(), ": an entry has a wrong type: ", error.what()));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::InvalidFile) throw;
    throw Error(error.kind(), cat(file.string(), ": ", error.what()));
  }
}

void Session::save(const fs::path& file) const {
  nlohmann::json chosen{{"layer", selection.layer}, {"head", selection.head}};
  if (selection.query) chosen["query"] = *selection.query;
  const nlohmann::json json{{"version", kVersion},
                            {"checkpoint", checkpoint.toStdString()},
                            {"conversion", settings.to_json()},
                            {"converted", converted},
                            {"text", text.toStdString()},
                            {"tab", tab.toStdString()},
                            {"selection", chosen}};
  QSaveFile out(QString::fromStdString(file.string()));
  const std::string content = json.dump(2) + "\n";
  if (!out.open(QIODevice::WriteOnly) || out.write(content.data(), static_cast<qint64>(content.size())) < 0 ||
      !out.commit()) {
    throw Error(ErrorKind::Io, cat(file.string(), ": cannot be written: ", out.errorString().toStdString()));
  }
}

}  // namespace bsbr

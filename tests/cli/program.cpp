#include "tests/cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "engine/base/error.h"

namespace bsbr::test {
namespace {

struct Pipe {
  int read = -1, write = -1;

  Pipe() {
    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe: " + system_message(errno));
    read = ends[0];
    write = ends[1];
  }
};

/// This process's, with additions, as execve() takes it.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& more) {
  std::vector<std::string> all;
  for (char** each = ::environ; *each != nullptr; ++each) {
    const std::string entry = *each;
    if (!more.contains(entry.substr(0, entry.find('=')))) all.push_back(entry);
  }
  for (const auto& [name, value] : more) all.push_back(cat(name, '=', value));
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

void close_end(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

}  // namespace

Program::Program(const std::string& path, const std::vector<std::string>& arguments,
                 const RunOptions& options)
    : input_(options.input) {
  std::signal(SIGPIPE, SIG_IGN);  // of a program that does not read all of its input
  std::vector<std::string> given{path};
  given.insert(given.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = environment_with(options.environment);
  const std::vector<char*> argv = pointers(given), envp = pointers(environment);
  Pipe to_in, from_out, from_err;
  id_ = ::fork();
  if (id_ < 0) throw std::runtime_error("no process: " + system_message(errno));
  if (id_ == 0) {
    std::signal(SIGPIPE, SIG_DFL);
    ::dup2(to_in.read, STDIN_FILENO);
    ::dup2(from_out.write, STDOUT_FILENO);
    ::dup2(from_err.write, STDERR_FILENO);
    if (options.folder.empty() || ::chdir(options.folder.c_str()) == 0) {
      if (options.in_child) options.in_child();
      ::execve(path.c_str(), argv.data(), envp.data());
    }
    ::_exit(127);
  }
  for (int* const theirs : {&to_in.read, &from_out.write, &from_err.write}) close_end(*theirs);
  in_ = to_in.write;
  out_ = from_out.read;
  err_ = from_err.read;
  for (const int fd : {in_, out_, err_}) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

Program::~Program() {
  if (!ended_) {
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  for (int* const end : {&in_, &out_, &err_}) close_end(*end);
}

void Program::send(int signal) const {
  if (!ended_) ::kill(id_, signal);
}

int Program::code() const {
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
}

bool Program::ended_within(int ms) {
  feed();
  std::array<pollfd, 3> ends{{{in_, POLLOUT, 0}, {out_, POLLIN, 0}, {err_, POLLIN, 0}}};
  ::poll(ends.data(), ends.size(), ended_ ? 0 : ms);
  // Before its output is read, so that all of it is there.
  if (!ended_) ended_ = ::waitpid(id_, &status_, WNOHANG) == id_;
  feed();
  take(out_, out);
  take(err_, err);
  return ended_;
}

/// As much of the input as the pipe takes.
void Program::feed() {
  while (in_ >= 0) {
    if (fed_ == input_.size()) return close_end(in_);
    const ssize_t count = ::write(in_, input_.data() + fed_, input_.size() - fed_);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0 && errno != EINTR) return close_end(in_);  // nobody reads it
    if (count > 0) fed_ += static_cast<std::size_t>(count);
  }
}

/// All that is there.
void Program::take(int& fd, std::string& text) {
  std::array<char, 65536> piece;
  while (fd >= 0) {
    const ssize_t count = ::read(fd, piece.data(), piece.size());
    if (count < 0 && errno == EAGAIN) return;
    if (count == 0 || (count < 0 && errno != EINTR)) return close_end(fd);
    if (count > 0) text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace bsbr::test

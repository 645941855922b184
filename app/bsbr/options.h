#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// Commands and their options, declared without CLI11: its header takes longer to compile than all the rest.
namespace bsbr::cli {

/// One option; copies are the same one.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option required() const;
  /// Help shows the value that its variable has now, or the text.
  Option with_default() const;
  Option with_default(const std::string& text) const;

  /// Each refuses what is something else.
  Option one_of(const std::vector<std::string>& texts) const;
  Option between(int least, int most) const;
  Option not_negative() const;
  /// CLI11 by itself takes -1 for 2^64 - 1, and what is too large for the largest number.
  Option whole_number() const;
  Option unsigned_number() const;
  /// Bytes, with or without a unit of 1,000 or 1,024.
  Option size_in_bytes() const;
  /// Values with commas between, in one argument.
  Option list() const;

  Option needs(Option other) const;
  Option excludes(Option other) const;

 private:
  CLI::Option* option_;
};

/// One command; copies are the same one.
class Command {
 public:
  explicit Command(CLI::App* command) : command_(command) {}
  /// Names with a dash are options, others take what stands alone. `Value` is a text, a number, an optional
  /// number or a vector of numbers, and must live until the command has run.
  template <class Value>
  Option option(const char* name, Value& value, const std::string& help) const;
  Option flag(const char* name, bool& value, const std::string& help) const;
  /// One that has been added.
  [[nodiscard]] Option added(const char* name) const;
  /// What the command does.
  void action(std::function<void()> run) const;

 private:
  CLI::App* command_;
};

/// All commands.
class CommandLine {
 public:
  CommandLine(const std::string& name, std::function<std::string()> version, const std::string& help);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();
  Command add(const char* name, const std::string& help);
  /// Runs the command that the arguments name, and passes on what it throws. False, after a message on `err`,
  /// where they are wrong. Help and version are printed to `out`.
  bool run(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

 private:
  [[nodiscard]] std::vector<std::string> reversed(std::span<const std::string> given) const;

  std::unique_ptr<CLI::App> app_;
};

}  // namespace bsbr::cli

#include "app/bsbr/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <ostream>

#include "engine/base/error.h"

namespace bsbr::cli {
namespace {

/// What is wrong with a number, or nothing.
template <class Number>
std::string problem(const std::string& text, const char* range) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size()
             ? ""
             : cat(text, " is not a whole number ", range);
}

}  // namespace

Option Option::required() const {
  option_->required();
  return *this;
}

Option Option::with_default() const {
  option_->capture_default_str();
  return *this;
}

Option Option::with_default(const std::string& text) const {
  option_->default_str(text);
  return *this;
}

Option Option::one_of(const std::vector<std::string>& texts) const {
  option_->check(CLI::IsMember(texts));
  return *this;
}

Option Option::between(int least, int most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::not_negative() const {
  option_->check(CLI::NonNegativeNumber);
  return *this;
}

Option Option::whole_number() const {
  option_->check(CLI::Validator(
      [](const std::string& text) { return problem<std::int64_t>(text, "within 64 bits"); }, ""));
  return *this;
}

Option Option::unsigned_number() const {
  option_->check(CLI::Validator(
      [](const std::string& text) { return problem<std::uint64_t>(text, "from 0 to 2^64 - 1"); }, ""));
  return *this;
}

Option Option::size_in_bytes() const {
  option_->transform(CLI::AsSizeValue(true));
  return *this;
}

Option Option::list() const {
  option_->delimiter(',')->allow_extra_args(false);
  return *this;
}

Option Option::needs(Option other) const {
  option_->needs(other.option_);
  return *this;
}

Option Option::excludes(Option other) const {
  option_->excludes(other.option_);
  return *this;
}

template <class Value>
Option Command::option(const char* name, Value& value, const std::string& help) const {
  return Option(command_->add_option(name, value, help));
}
template Option Command::option(const char*, std::string&, const std::string&) const;
template Option Command::option(const char*, int&, const std::string&) const;
template Option Command::option(const char*, std::int64_t&, const std::string&) const;
template Option Command::option(const char*, std::uint64_t&, const std::string&) const;
template Option Command::option(const char*, double&, const std::string&) const;
template Option Command::option(const char*, std::optional<int>&, const std::string&) const;
template Option Command::option(const char*, std::optional<std::int64_t>&, const std::string&) const;
template Option Command::option(const char*, std::optional<double>&, const std::string&) const;
template Option Command::option(const char*, std::vector<std::int64_t>&, const std::string&) const;
template Option Command::option(const char*, std::vector<double>&, const std::string&) const;

Option Command::flag(const char* name, bool& value, const std::string& help) const {
  return Option(command_->add_flag(name, value, help));
}

Option Command::added(const char* name) const {
  return Option(command_->get_option(name));
}

void Command::action(std::function<void()> run) const {
  command_->callback(std::move(run));
}

CommandLine::CommandLine(const std::string& name, std::function<std::string()> version,
                         const std::string& help)
    : app_(std::make_unique<CLI::App>(help, name)) {
  app_->set_version_flag("--version", std::move(version));
  app_->require_subcommand(0, 1);
  app_->fallthrough(false);
}

CommandLine::~CommandLine() = default;

Command CommandLine::add(const char* name, const std::string& help) {
  return Command(app_->add_subcommand(name, help));
}

bool CommandLine::run(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  try {
    app_->parse(reversed(arguments));
    // By hand: CLI11 would say this of an unknown command too, in place of naming it.
    if (app_->get_subcommands().empty()) throw CLI::RequiredError("A command");
    return true;
  } catch (const CLI::ParseError& error) {
    return app_->exit(error, out, err) == 0;
  }
}

/// The arguments, the last one first, as CLI11 takes them. CLI11 reads an option of text with nothing behind
/// its "=" as one whose text comes next, so that is made two arguments, the second of them empty.
std::vector<std::string> CommandLine::reversed(std::span<const std::string> given) const {
  const CLI::App* const app = app_.get();
  const CLI::App* command = app;
  std::vector<std::string> arguments;
  for (std::string argument : given) {
    if (command == app) {
      const auto named =
          app->get_subcommands([&](const CLI::App* each) { return each->check_name(argument); });
      if (!named.empty()) command = named.front();
    }
    const bool empty =
        argument.size() > 3 && argument.starts_with("--") && argument.find('=') + 1 == argument.size();
    const CLI::Option* const option =
        empty ? command->get_option_no_throw(argument.substr(0, argument.size() - 1)) : nullptr;
    const bool takes_value = option != nullptr && option->get_items_expected_max() > 0;
    // CLI11 would read an empty number as 0.
    if (takes_value && !option->get_type_name().starts_with("TEXT"))
      throw CLI::ArgumentMismatch(argument + ": a value is missing");
    if (takes_value) argument.pop_back();
    arguments.push_back(std::move(argument));
    if (takes_value) arguments.emplace_back();
  }
  std::ranges::reverse(arguments);
  return arguments;
}

}  // namespace bsbr::cli

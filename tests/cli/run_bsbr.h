#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bsbr::test {

/// What is marked (*) needs a process of its own.
struct RunOptions {
  bool process = false;                            ///< (*) the program itself, whatever else is asked for
  std::string input;                               ///< standard input
  std::map<std::string, std::string> environment;  ///< added to this process's; (*) but for the engine's own
  std::function<void()> in_child;                  ///< (*) between fork and exec: limits, rights, descriptors
  std::uint64_t memory = 0;  ///< only here: bytes that the run may allocate beyond what is there; 0: any
  std::string folder;        ///< (*) working folder; empty: this process's
  int signal = 0;            ///< (*) sent after signal_after_ms
  int signal_after_ms = 0;
  bool signal_on_output = false;      ///< … or as soon as there is something on standard output
  std::function<bool()> signal_when;  ///< … or as soon as this is so
  int limit_ms = 240'000;             ///< then the program, where it is a process, is killed
};

struct RunResult {
  int code = 0;  ///< exit status; minus the signal's number if one ended the program
  std::string out, err;
  double seconds = 0;

  /// For QVERIFY2 and QCOMPARE messages.
  [[nodiscard]] std::string text() const;
  /// The one JSON document that standard output is; throws when it is anything else.
  [[nodiscard]] nlohmann::json json() const;
};

/// Runs the command line: in this process, or where the options need it as the program that was built, with
/// the same libraries and files as a person would. Throws where it does not end as a program does.
RunResult run_bsbr(const std::vector<std::string>& arguments, const RunOptions& options = {});

/// What is not as it should be when the program has refused its input: exit 1, nothing on standard output,
/// one line on standard error, "bsbr: ..." with every one of `parts`. Empty if all is well.
std::string refusal_problem(const RunResult& result, const std::vector<std::string>& parts);

/// For in_child: permission bits bind the program even when root runs it. Does nothing for other users.
void obey_permissions();

}  // namespace bsbr::test

/// Checks a refusal.
#define EXPECT_REFUSAL(result, ...)                                                    \
  do {                                                                                 \
    const std::string refusal_ = bsbr::test::refusal_problem((result), {__VA_ARGS__}); \
    QVERIFY2(refusal_.empty(), refusal_.c_str());                                      \
  } while (false)

/// Checks that the program succeeded. QVERIFY2 alone would run `result` twice, for its message too.
#define EXPECT_SUCCESS(result)                             \
  do {                                                     \
    const bsbr::test::RunResult success_ = (result);       \
    QVERIFY2(success_.code == 0, success_.text().c_str()); \
  } while (false)

#include <nlohmann/json.hpp>

#include "tests/fuzz/fuzz.h"
#include "ui/core/session.h"

using namespace bsbr;

/// A session, what the window asks of its settings, and whether it is the same once it was saved.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const auto file = folder.write("session.json", fuzz::text_of(data, size));
  Session session;
  if (!fuzz::reads([&] { session = Session::load(file); })) return 0;
  const double speed = session.settings.speed();
  fuzz::expect(speed >= 0 && speed <= 1, "a slider stands outside its ends");
  static_cast<void>(expected_density(session.settings, 5000, CheckedPlan{0.1, 0.01}));
  ConversionSettings moved = session.settings;
  moved.set_speed(speed);

  const auto saved = folder.path() / "saved.json";
  session.save(saved);
  const Session again = Session::load(saved);
  fuzz::expect(again.checkpoint == session.checkpoint && again.settings == session.settings &&
                   again.text == session.text && again.selection == session.selection &&
                   again.tab == session.tab && again.converted == session.converted,
               "a saved session is another one");
  return 0;
}

#include "ui/core/controller.h"

#include <algorithm>

#include "engine/base/json_file.h"
#include "engine/base/resources.h"
#include "ui/core/converting.h"
#include "ui/core/opening.h"

namespace bsbr {
namespace {

/// A checkpoint this small is converted at once where that was wished for.
constexpr std::int64_t kSmall = 30'000'000;

QString demo_folder() {
  return QString::fromStdString(resource("demo").string());
}

QString cancelled_words(const QString& title) {
  return Controller::tr("%1: cancelled. Nothing was changed.").arg(title);
}

}  // namespace

/// A step from one state of the settings to another.
class SettingsCommand : public QUndoCommand {
 public:
  SettingsCommand(Controller& controller, ConversionSettings to, const QString& what, int merge_id)
      : QUndoCommand(what),
        controller_(controller),
        from_(controller.settings()),
        to_(std::move(to)),
        id_(merge_id) {}

  void undo() override { controller_.setSettings(from_); }
  void redo() override { controller_.setSettings(to_); }
  [[nodiscard]] int id() const override { return id_ > 0 ? id_ : -1; }
  bool mergeWith(const QUndoCommand* other) override {
    to_ = static_cast<const SettingsCommand*>(other)->to_;
    return true;
  }

 private:
  Controller& controller_;
  ConversionSettings from_, to_;
  int id_;
};

Controller::Controller(QObject* parent) : QObject(parent) {
  connect(&jobs_, &JobRunner::started, this, &Controller::jobStarted);
  connect(&jobs_, &JobRunner::progressed, this, &Controller::jobProgressed);
  connect(&jobs_, &JobRunner::busyChanged, this, [this](bool busy) {
    if (!busy) {
      setDoing(Doing::Nothing);
    } else if (doing_ == Doing::Nothing) {
      setDoing(Doing::Other);
    }
    Q_EMIT busyChanged(busy);
    tellQuiet();
  });
  connect(&views_, &JobRunner::busyChanged, this, &Controller::tellQuiet);
}

Controller::~Controller() = default;

void Controller::tellQuiet() {
  if (stopping_ && !working()) Q_EMIT quiet();
}

void Controller::stopAll() {
  stopping_ = true;
  jobs_.cancel();
  views_.cancel();
  if (!working()) QMetaObject::invokeMethod(this, &Controller::tellQuiet, Qt::QueuedConnection);
}

bool Controller::is_demo() const {
  return opened_ && source_ == demo_folder();
}

void Controller::failed(const QString& title, const Error& error, bool says_cancelled) {
  if (error.kind() == ErrorKind::Cancelled) {
    if (says_cancelled && !stopping_) Q_EMIT noticed(cancelled_words(title));
    return;
  }
  Q_EMIT problemFound({tr("%1: failed").arg(title.isEmpty() ? tr("Preparing a view") : title),
                       QString::fromUtf8(error.what()), error.kind()});
}

void Controller::setDoing(Doing doing) {
  if (doing_ == doing) return;
  doing_ = doing;
  Q_EMIT doingChanged();
}

/// What may be large is given back on a thread that nobody waits for.
void Controller::release(std::shared_ptr<const void> what) {
  if (what) views_.add({{}, [what = std::move(what)](const Job&) mutable { what.reset(); }, {}, {}});
}

void Controller::open(const QString& path_or_name, bool then_convert) {
  jobs_.cancel();  // an opening goes before whatever runs
  setDoing(Doing::Opening);
  auto work = [path = path_or_name.toStdString()](const Job& job) { return open_model(path, job); };
  auto done = [this, name = path_or_name, then_convert](OpenedResult result) {
    views_.cancel();
    release(std::exchange(opened_, std::make_shared<const OpenedModel>(std::move(result.model))));
    release(std::exchange(converted_, nullptr));
    release(std::exchange(tokens_, nullptr));
    source_ = name;
    selection_ = {};
    if (result.converted) {
      settings_ = ConversionSettings::of(*result.converted->config().bsbr);
      converted_ = std::make_shared<const ConvertedModel>(
          ConvertedModel{std::move(*result.converted), settings_, std::nullopt});
    } else {
      settings_ = fitting(settings_, opened_->config().context);
    }
    undo_.clear();
    Q_EMIT openedChanged();
    Q_EMIT convertedChanged();
    Q_EMIT settingsChanged();
    Q_EMIT selectionChanged();
    Q_EMIT sourceOpened(name);
    QStringList warnings;
    for (const std::string& warning : opened_->original.warnings())
      warnings << QString::fromStdString(warning);
    Q_EMIT warned(warnings);
    tokenize();
    if (then_convert && !converted_ && opened_->summary.parameters <= kSmall)
      QMetaObject::invokeMethod(this, &Controller::convert, Qt::QueuedConnection);
  };
  jobs_.add(task_of(tr("Opening"), std::move(work), std::move(done), {}, true));
}

void Controller::openDemo() {
  try {
    if (text_.isEmpty())
      setText(QString::fromStdString(read_text_file(resource("demo/sample.txt"), std::uint64_t{1} << 20)));
    open(demo_folder(), true);
  } catch (const Error& error) {
    failed(tr("Opening the demo"), error, true);
  }
}

void Controller::convert() {
  if (!opened_ || jobs_.busy()) return;
  setDoing(Doing::Converting);
  auto work = [opened = opened_, settings = settings_](const Job& job) {
    return std::make_shared<const ConvertedModel>(convert_model(*opened, settings, job));
  };
  run(tr("Converting"), std::move(work),
      [this](std::shared_ptr<const ConvertedModel> converted) { setConverted(std::move(converted)); });
}

void Controller::setConverted(std::shared_ptr<const ConvertedModel> converted) {
  release(std::exchange(converted_, std::move(converted)));
  Q_EMIT convertedChanged();
}

void Controller::changeSettings(const ConversionSettings& settings, const QString& what, int merge_id) {
  if (settings == settings_) return;
  undo_.push(new SettingsCommand(*this, settings, what, merge_id));
}

void Controller::setSettings(const ConversionSettings& settings) {
  settings_ = settings;
  Q_EMIT settingsChanged();
}

void Controller::adopt(const BsbrConfig& config, const ConversionSettings& settings) {
  if (!opened_) return;
  changeSettings(settings, tr("Adopt a point of the sweep"));
  try {
    setConverted(std::make_shared<const ConvertedModel>(
        ConvertedModel{opened_->original.with_attention(config), settings, std::nullopt}));
  } catch (const Error& error) {
    failed(tr("Adopting a point"), error, true);
  }
}

void Controller::setText(const QString& text) {
  if (text == text_) return;
  text_ = text;
  Q_EMIT textChanged();
  tokenize();
}

void Controller::tokenize() {
  const std::uint64_t version = ++text_version_;
  if (!opened_) return;
  auto work = [opened = opened_, text = text_](const Job&) {
    return std::make_shared<const TokenizedText>(tokenize_text(opened->tokenizer, opened->config(), text));
  };
  auto done = [this, version](std::shared_ptr<const TokenizedText> tokens) {
    if (version != text_version_) return;
    const auto before = std::exchange(tokens_, std::move(tokens));
    Q_EMIT tokensChanged();
    release(before);
  };
  // Tokens of another text must not stand for one that cannot be read.
  auto ended = [this, version](bool made) {
    if (made || version != text_version_ || !tokens_ || tokens_->text == text_) return;
    tokens_.reset();
    Q_EMIT tokensChanged();
  };
  runForView(std::move(work), std::move(done), ended);
}

std::vector<TokenId> Controller::usable_tokens() const {
  if (!tokens_ || !opened_) return {};
  const auto most = std::min(tokens_->ids.size(), static_cast<std::size_t>(opened_->config().context));
  return {tokens_->ids.begin(), tokens_->ids.begin() + static_cast<std::ptrdiff_t>(most)};
}

void Controller::setSelection(const Chosen& selection) {
  if (selection == selection_) return;
  selection_ = selection;
  Q_EMIT selectionChanged();
}

std::optional<CheckedPlan> Controller::checked_plan() const {
  if (!converted_ || !converted_->plan) return std::nullopt;
  return CheckedPlan{converted_->plan->check.density, converted_->plan->check.kl};
}

std::optional<Controller::Prediction> Controller::predict(std::int64_t tokens) const {
  if (!opened_) return std::nullopt;
  Prediction prediction;
  prediction.original = predict_cost(opened_->original, opened_->ceilings, tokens, 1);
  prediction.density = expected_density(settings_, tokens, checked_plan());
  if (!prediction.density) return prediction;
  try {
    const LanguageModel model = opened_->original.with_attention(settings_.config());
    prediction.converted = predict_cost(model, opened_->ceilings, tokens, *prediction.density);
  } catch (const Error&) {  // sizes that do not fit together: the panel says so
    prediction.density.reset();
  }
  return prediction;
}

Session Controller::session() const {
  Session session;
  session.checkpoint = source_;
  session.settings = settings_;
  session.text = text_;
  session.selection = selection_;
  session.converted = converted_ != nullptr;
  return session;
}

void Controller::applySession(const Session& session) {
  settings_ = session.settings;
  undo_.clear();
  Q_EMIT settingsChanged();
  setText(session.text);
  if (session.checkpoint.isEmpty()) return;
  open(session.checkpoint);
  // Queued behind the opening, so that it is there when the selection is set and the conversion begins.
  jobs_.add({tr("Opening"),
             [](const Job&) {},
             [this, session] {
               if (source_ != session.checkpoint) return;
               setSelection(session.selection);
               if (session.converted)
                 QMetaObject::invokeMethod(this, &Controller::convert, Qt::QueuedConnection);
             },
             {}});
}

}  // namespace bsbr

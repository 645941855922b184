#pragma once

#include <QObject>
#include <QUndoStack>
#include <optional>
#include <type_traits>
#include <utility>

#include "ui/core/job_runner.h"
#include "ui/core/session.h"
#include "ui/core/studio_state.h"

namespace bsbr {

/// What the window works on. Lives on the GUI thread and never waits there: the engine runs on two threads,
/// one for what a person started (a job at a time, with progress and cancel), one for what a view needs to
/// draw itself (tokens, maps; never shown as a job). What is opened and converted is immutable and shared, so
/// a view may keep it for its own work.
class Controller : public QObject {
  Q_OBJECT

 public:
  explicit Controller(QObject* parent = nullptr);
  ~Controller() override;

  enum class Doing { Nothing, Opening, Converting, Other };

  /// Null where there is none.
  [[nodiscard]] std::shared_ptr<const OpenedModel> opened() const { return opened_; }
  [[nodiscard]] std::shared_ptr<const ConvertedModel> converted() const { return converted_; }
  /// The text in tokens; null while there is none or no checkpoint is open.
  [[nodiscard]] std::shared_ptr<const TokenizedText> tokens() const { return tokens_; }
  [[nodiscard]] const ConversionSettings& settings() const { return settings_; }
  [[nodiscard]] const QString& text() const { return text_; }
  [[nodiscard]] const Chosen& selection() const { return selection_; }
  [[nodiscard]] Doing doing() const { return doing_; }
  /// A job of a person runs or waits.
  [[nodiscard]] bool busy() const { return jobs_.busy(); }
  /// That, or what a view needs.
  [[nodiscard]] bool working() const { return jobs_.busy() || views_.busy(); }
  /// What is opened is the bundled demo.
  [[nodiscard]] bool is_demo() const;
  /// What was given to open(); empty where nothing is open.
  [[nodiscard]] const QString& source() const { return source_; }
  /// The settings have changed since the conversion was made.
  [[nodiscard]] bool is_stale() const { return converted_ && !(converted_->settings == settings_); }
  [[nodiscard]] QUndoStack& undo_stack() { return undo_; }
  /// The conversion at these settings and this length, predicted from the machine's ceilings; nothing where
  /// no checkpoint is open, or where the density shows only on the text.
  struct Prediction {
    std::optional<double> density;
    PredictedCost original, converted;
  };
  [[nodiscard]] std::optional<Prediction> predict(std::int64_t tokens) const;
  /// Tokens of the text that the model can take in one pass.
  [[nodiscard]] std::vector<TokenId> usable_tokens() const;

  /// A folder, a file or a hub name. What is open stays until the new one is ready. `then_convert`: goes on
  /// with a conversion, for what is small.
  void open(const QString& path_or_name, bool then_convert = false);
  void openDemo();
  void convert();
  void cancel() { jobs_.cancel(); }
  /// All threads, e.g. before closing; `quiet` once nothing runs any more.
  void stopAll();

  /// One step of undo; steps with the same `merge_id` above 0 that follow each other become one.
  void changeSettings(const ConversionSettings& settings, const QString& what, int merge_id = 0);
  /// A configuration that was measured, as from a sweep: it becomes the conversion at once.
  void adopt(const BsbrConfig& config, const ConversionSettings& settings);
  void setText(const QString& text);
  void setSelection(const Chosen& selection);

  [[nodiscard]] Session session() const;
  void applySession(const Session& session);

  /// Runs `work(const Job&)` as a job of a person and hands its result to `done` here. Only one can run:
  /// returns false, and does nothing, where one does. `ended` is called last in every case, with whether it
  /// was done.
  template <class Work, class Done>
  bool run(const QString& title, Work work, Done done, const std::function<void(bool)>& ended = {}) {
    if (jobs_.busy()) return false;
    jobs_.add(task_of(title, std::move(work), std::move(done), ended, true));
    return true;
  }
  /// The same for what a view needs to draw itself: it waits for the others of its kind, is not shown, and is
  /// cancelled by cancelViews(). Errors but for cancelling are told, under the title where there is one.
  template <class Work, class Done>
  void runForView(Work work, Done done, const std::function<void(bool)>& ended = {},
                  const QString& title = {}) {
    views_.add(task_of(title, std::move(work), std::move(done), ended, false));
  }
  void cancelViews() { views_.cancel(); }

  /// Shows a problem in the window.
  void tell(const Problem& problem) { Q_EMIT problemFound(problem); }

 Q_SIGNALS:
  void openedChanged();
  void convertedChanged();
  void settingsChanged();
  void textChanged();    ///< by other than typing, too
  void tokensChanged();  ///< follows textChanged and openedChanged
  void selectionChanged();
  void doingChanged();
  void jobStarted(const QString& title);
  void jobProgressed(const bsbr::JobProgress& progress);
  void busyChanged(bool busy);
  void problemFound(const bsbr::Problem& problem);
  /// What is worth saying and no error.
  void noticed(const QString& message);
  /// What is to be known of the checkpoint that was just opened, maybe nothing.
  void warned(const QStringList& warnings);
  /// After an opening that succeeded: to be remembered.
  void sourceOpened(const QString& source);
  /// After stopAll(), once nothing runs any more.
  void quiet();

 private:
  template <class Work, class Done>
  JobRunner::Task task_of(const QString& title, Work work, Done done, const std::function<void(bool)>& ended,
                          bool says_cancelled);
  void failed(const QString& title, const Error& error, bool says_cancelled);
  void setDoing(Doing doing);
  void setSettings(const ConversionSettings& settings);
  void setConverted(std::shared_ptr<const ConvertedModel> converted);
  void tokenize();
  void release(std::shared_ptr<const void> what);
  [[nodiscard]] std::optional<CheckedPlan> checked_plan() const;
  void tellQuiet();

  friend class SettingsCommand;

  std::shared_ptr<const OpenedModel> opened_;
  std::shared_ptr<const ConvertedModel> converted_;
  std::shared_ptr<const TokenizedText> tokens_;
  ConversionSettings settings_;
  QString text_, source_;
  Chosen selection_;
  Doing doing_ = Doing::Nothing;
  QUndoStack undo_;
  std::uint64_t text_version_ = 0;
  bool stopping_ = false;
  JobRunner jobs_, views_;  // last: their threads end first
};

template <class Work, class Done>
JobRunner::Task Controller::task_of(const QString& title, Work work, Done done,
                                    const std::function<void(bool)>& ended, bool says_cancelled) {
  using Result = std::invoke_result_t<Work, const Job&>;
  JobRunner::Task task;
  task.title = title;
  task.failed = [this, title, ended, says_cancelled](const Error& error) {
    failed(title, error, says_cancelled);
    if (ended) ended(false);
  };
  if constexpr (std::is_void_v<Result>) {
    task.work = std::move(work);
    task.done = [done = std::move(done), ended]() mutable {
      done();
      if (ended) ended(true);
    };
  } else {
    auto result = std::make_shared<std::optional<Result>>();
    task.work = [work = std::move(work), result](const Job& job) mutable { result->emplace(work(job)); };
    task.done = [done = std::move(done), ended, result]() mutable {
      done(std::move(**result));
      result->reset();
      if (ended) ended(true);
    };
  }
  return task;
}

}  // namespace bsbr

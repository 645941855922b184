#include "ui/window/picture_maker.h"

#include <QDir>

#include "ui/tabs/tab.h"

namespace bsbr {
namespace {

constexpr int kStepMs = 60;
// Views draw in later turns of the event loop, so that much calm must have passed.
constexpr int kCalmSteps = 6;

}  // namespace

PictureMaker::PictureMaker(Controller& controller, MainWindow& window, QString folder, QObject* parent)
    : QObject(parent), controller_(controller), window_(window), folder_(std::move(folder)) {
  timer_.setInterval(kStepMs);
  connect(&timer_, &QTimer::timeout, this, &PictureMaker::step);
  connect(&controller_, &Controller::problemFound, this, [this](const Problem& problem) {
    problem_ = problem.title + QStringLiteral(": ") + problem.detail;
  });
}

void PictureMaker::start() {
  timer_.start();
}

void PictureMaker::step() {
  const bool tab_works = tab_ < window_.tabs().size() && window_.tabs()[tab_]->is_working();
  calm_ = controller_.working() || tab_works ? 0 : calm_ + 1;
  if (calm_ < kCalmSteps) return;
  calm_ = 0;
  if (!problem_.isEmpty() || tab_ == window_.tabs().size()) {
    timer_.stop();
    Q_EMIT finished(problem_);
    return;
  }
  Tab* tab = window_.tabs()[tab_];
  if (!filled_) {
    window_.showTab(tab);
    if (tab->is_ready()) tab->fill();
    filled_ = true;
    return;
  }
  if (!take()) problem_ = tr("%1: cannot be written").arg(folder_);
  filled_ = false;
  ++tab_;
}

bool PictureMaker::take() {
  const QDir folder(folder_);
  return folder.mkpath(QStringLiteral(".")) &&
         window_.grab().save(folder.filePath(window_.tabs()[tab_]->id() + QStringLiteral(".png")));
}

}  // namespace bsbr

#include "ui/tabs/tab.h"

#include "ui/panels/empty_state.h"

namespace bsbr {

Tab::Tab(Controller& controller, Needs needs, const QString& id, const QString& title, const QString& purpose,
         QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      needs_(needs),
      id_(id),
      title_(title),
      purpose_(purpose),
      pages_(new QStackedLayout(this)),
      empty_(new EmptyState(this)) {
  setObjectName(id);
  setAccessibleName(title);
  setAccessibleDescription(purpose);
  pages_->addWidget(empty_);
  connect(empty_, &EmptyState::firstClicked, this, [this] {
    if (controller_.opened()) {
      controller_.convert();
    } else {
      controller_.openDemo();
    }
  });
  connect(empty_, &EmptyState::secondClicked, this, &Tab::openRequested);
  for (const auto signal :
       {&Controller::openedChanged, &Controller::convertedChanged, &Controller::doingChanged})
    connect(&controller_, signal, this, &Tab::update_page);
  connect(&controller_, &Controller::jobProgressed, this, [this](const JobProgress& progress) {
    if (!is_ready()) empty_->setProgress(progress);
  });
  update_page();
}

void Tab::setContent(QWidget* content) {
  content_ = content;
  pages_->addWidget(content);
  update_page();
}

bool Tab::is_ready() const {
  return content_ != nullptr && controller_.opened() != nullptr &&
         (needs_ == Needs::Checkpoint || controller_.converted() != nullptr);
}

void Tab::update_page() {
  if (is_ready()) {
    pages_->setCurrentWidget(content_);
    return;
  }
  pages_->setCurrentWidget(empty_);
  if (controller_.doing() == Controller::Doing::Opening) {
    empty_->showBusy(tr("Opening the checkpoint …"), purpose_);
  } else if (controller_.doing() == Controller::Doing::Converting) {
    empty_->showBusy(tr("Converting …"), purpose_);
  } else if (!controller_.opened()) {
    empty_->showActions(tr("Nothing is open yet"),
                        purpose_ + QLatin1Char('\n') +
                            tr("Drop a checkpoint folder or a GGUF file here, or begin with the demo."),
                        {tr("Open the &demo"), tr("A small model that comes with the program")},
                        {tr("&Open a checkpoint …"), tr("Choose a folder or a GGUF file")});
  } else {
    empty_->showActions(
        tr("Not converted yet"),
        purpose_ + QLatin1Char('\n') +
            tr("Converting keeps every weight and plans for each head what it reads exactly."),
        {tr("&Convert"), tr("With the settings beside it")}, {});
  }
}

}  // namespace bsbr

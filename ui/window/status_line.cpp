#include "ui/window/status_line.h"

#include <unistd.h>

#include <QFile>
#include <QLabel>
#include <QProgressBar>
#include <QToolButton>

#include "engine/analysis/machine.h"
#include "ui/core/format.h"
#include "ui/panels/words.h"

namespace bsbr {
namespace {

constexpr int kMemoryMs = 1500;

/// Resident, of this process (proc(5), statm).
std::int64_t memory_in_use() {
  QFile file(QStringLiteral("/proc/self/statm"));
  if (!file.open(QIODevice::ReadOnly)) return 0;
  const QList<QByteArray> fields = file.readLine().split(' ');
  return fields.size() > 1 ? fields[1].toLongLong() * sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace

StatusLine::StatusLine(Controller& controller, QWidget* parent)
    : QStatusBar(parent),
      job_(new QLabel),
      machine_(new QLabel),
      memory_(new QLabel),
      progress_(new QProgressBar),
      cancel_(new QToolButton) {
  setSizeGripEnabled(false);
  const Machine machine = this_machine();
  machine_->setText(machine.threads == 1 ? tr("CPU, 1 thread") : tr("CPU, %1 threads").arg(machine.threads));
  machine_->setToolTip(QString::fromStdString(machine.text()));
  memory_->setToolTip(tr("Memory that this program uses"));
  progress_->setFixedWidth(140);
  progress_->setMaximumHeight(12);
  progress_->setTextVisible(false);
  progress_->setAccessibleName(tr("Progress of the running job"));
  cancel_->setText(tr("Cancel"));
  cancel_->setAutoRaise(true);
  named(cancel_, tr("Cancel the running job"), tr("Cancel the running job (Ctrl+.)"));
  addWidget(job_);
  addWidget(progress_);
  addWidget(cancel_);
  for (QLabel* label : {machine_, memory_}) label->setContentsMargins(8, 0, 8, 0);
  job_->setContentsMargins(8, 0, 8, 0);
  addPermanentWidget(machine_);
  addPermanentWidget(memory_);
  const auto set_busy = [this](bool busy) {
    progress_->setVisible(busy);
    cancel_->setVisible(busy);
    progress_->setRange(0, 0);
    if (!busy) job_->setText(tr("Ready"));
  };
  set_busy(false);
  connect(&controller, &Controller::busyChanged, this, set_busy);
  connect(&controller, &Controller::jobStarted, this, [this](const QString& title) {
    job_->setText(title);
    job_->setAccessibleName(title);
  });
  connect(&controller, &Controller::jobProgressed, this, [this](const JobProgress& progress) {
    progress_->setRange(0, 1000);
    progress_->setValue(static_cast<int>(1000 * progress.fraction));
    job_->setText(job_->accessibleName() + QStringLiteral(": ") + words::progress(progress));
  });
  connect(cancel_, &QToolButton::clicked, &controller, &Controller::cancel);
  connect(&timer_, &QTimer::timeout, this, &StatusLine::show_memory);
  timer_.start(kMemoryMs);
  show_memory();
}

void StatusLine::show_memory() {
  memory_->setText(tr("memory %1").arg(format::bytes(memory_in_use())));
}

}  // namespace bsbr

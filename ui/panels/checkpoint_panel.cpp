#include "ui/panels/checkpoint_panel.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/core/checkpoint_list_model.h"
#include "ui/core/format.h"
#include "ui/panels/words.h"

namespace bsbr {

CheckpointPanel::CheckpointPanel(Controller& controller, CheckpointListModel& list, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      name_(make_heading({})),
      facts_(make_note()),
      open_(new QPushButton(tr("&Open …"))),
      list_(new QListView),
      hub_name_(new QLineEdit) {
  named(open_, tr("Open a checkpoint"),
        tr("Open a checkpoint folder (Ctrl+O); files and folders can also be dropped on the window"));
  named(list_, tr("Checkpoints to open"), tr("Recent checkpoints and those in the local hub cache"));
  named(hub_name_, tr("Name on the hub"),
        tr("A model of the HuggingFace hub, as in gpt2, org/name@revision or org/name:file.gguf; Enter "
           "fetches it, unless "
           "the local cache has it, and opens it"));
  hub_name_->setPlaceholderText(tr("Name on the hub, e.g. gpt2"));
  hub_name_->setClearButtonEnabled(true);
  list_->setModel(&list);
  list_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  list_->setUniformItemSizes(true);
  list_->setTextElideMode(Qt::ElideMiddle);
  list_->setMinimumHeight(2 * list_->fontMetrics().height());
  name_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  auto* head = new QHBoxLayout;
  head->addWidget(name_, 1);
  head->addWidget(open_);
  auto* column = new QVBoxLayout(this);
  column->addLayout(head);
  column->addWidget(facts_);
  column->addWidget(hub_name_);
  column->addWidget(list_, 1);
  connect(open_, &QPushButton::clicked, this, &CheckpointPanel::openRequested);
  const auto open_row = [this](const QModelIndex& index) {
    const QString source = index.data(CheckpointListModel::SourceRole).toString();
    if (source.isEmpty() || source == controller_.source()) return;
    if (index.data(CheckpointListModel::DemoRole).toBool()) {
      controller_.openDemo();
    } else {
      controller_.open(source);
    }
  };
  connect(list_, &QListView::activated, this, open_row);
  connect(hub_name_, &QLineEdit::returnPressed, this, &CheckpointPanel::open_name);
  connect(&controller_, &Controller::openedChanged, this, &CheckpointPanel::show_facts);
  show_facts();
}

void CheckpointPanel::open_name() {
  const QString name = hub_name_->text().trimmed();
  if (!name.isEmpty()) controller_.open(name);
}

void CheckpointPanel::show_facts() {
  const auto opened = controller_.opened();
  if (!opened) {
    name_->setText(tr("No checkpoint"));
    facts_->setText(tr("Drop a folder or a GGUF file on the window, choose one below, or name one."));
    return;
  }
  const CheckpointSummary& summary = opened->summary;
  const ModelConfig& config = summary.config;
  name_->setText(controller_.is_demo() ? tr("Demo") : QString::fromStdString(opened->checkpoint.name()));
  name_->setToolTip(QString::fromStdString(opened->checkpoint.folder().string()));
  QString heads = tr("%1 heads of %2").arg(config.heads).arg(config.head_dim);
  if (config.kv_heads != config.heads) heads += tr(" (%1 for keys and values)").arg(config.kv_heads);
  const QString family = QString::fromStdString(config.family);
  facts_->setText(tr("%1, %2 parameters, %3 layers, %4\ncontext %5 tokens, %6, %7")
                      .arg(family, format::parameters(summary.parameters), format::count(config.layers),
                           heads, format::count(config.context), QString::fromStdString(summary.dtype),
                           format::bytes(static_cast<std::int64_t>(summary.bytes))));
}

}  // namespace bsbr

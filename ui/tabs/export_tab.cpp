#include "ui/tabs/export_tab.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QStorageInfo>
#include <QVBoxLayout>

#include "engine/export/exported_tensors.h"
#include "ui/core/converting.h"
#include "ui/core/format.h"
#include "ui/panels/words.h"

namespace bsbr {
namespace {

/// Beyond the tensors: what check_destination asks for.
constexpr std::int64_t kSpare = 16 << 20;
constexpr int kWidth = 760;

QString row(const QString& what, const QString& value) {
  return QStringLiteral("<tr><td>%1&nbsp;&nbsp;&nbsp;</td><td>%2</td></tr>").arg(what, value);
}

/// The folder that exists and would hold `path`.
QString existing_parent(const QString& path) {
  QString parent = QFileInfo(path).absolutePath();
  while (!QFileInfo::exists(parent) && QFileInfo(parent).absolutePath() != parent)
    parent = QFileInfo(parent).absolutePath();
  return parent;
}

}  // namespace

ExportTab::ExportTab(Controller& controller, QWidget* parent)
    : Tab(controller, Needs::Conversion, QStringLiteral("export"), tr("Export"),
          tr("Write the converted checkpoint as a HuggingFace folder, re-open it and verify it."), parent),
      destination_(new QLineEdit),
      replace_(new QCheckBox(tr("&Replace a checkpoint folder that is there"))),
      type_(new QComboBox),
      browse_(new QPushButton(tr("&Browse …"))),
      write_(new QPushButton(tr("&Write and verify"))),
      open_(new QPushButton(tr("&Open what was written"))),
      plan_(new QLabel),
      space_(make_note()),
      report_(new QLabel) {
  setContent(make_content());
  Controller& home = this->controller();
  connect(&home, &Controller::openedChanged, this, &ExportTab::suggest);
  connect(&home, &Controller::convertedChanged, this, [this] {
    written_.clear();
    report_->clear();
    show_plan();
  });
  connect(&home, &Controller::busyChanged, this, &ExportTab::show_plan);
  suggest();
  show_plan();
}

QWidget* ExportTab::make_content() {
  named(destination_, tr("Destination"), tr("The folder to write; it is made, its parent must exist"));
  named(browse_, tr("Choose the destination"), tr("Choose where to write"));
  named(replace_, tr("Replace an existing checkpoint"), tr("Another kind of folder is never replaced"));
  named(type_, tr("Type of the weights"),
        tr("Half the size with float16 or bfloat16; the model card says what that costs"));
  type_->addItem(tr("As they are"));
  for (const Dtype type : {Dtype::F32, Dtype::F16, Dtype::BF16}) {
    type_->addItem(QString::fromUtf8(config_name(type).data()), static_cast<int>(type));
  }
  named(write_, tr("Write and verify"), tr("Write, re-open, compare every tensor and the logits (F9)"));
  named(open_, tr("Open what was written"), tr("Open the written checkpoint in place of the original"));
  write_->setShortcut(Qt::Key_F9);
  for (QLabel* label : {plan_, report_}) {
    label->setTextFormat(Qt::RichText);
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  }
  auto* where = new QHBoxLayout;
  where->addWidget(destination_, 1);
  where->addWidget(browse_);
  auto* buttons = new QHBoxLayout;
  buttons->addWidget(write_);
  buttons->addWidget(open_);
  buttons->addStretch();
  auto* page = new QWidget;
  page->setMaximumWidth(kWidth);
  auto* column = new QVBoxLayout(page);
  column->setSpacing(10);
  column->addWidget(make_heading(tr("Where")));
  column->addLayout(where);
  column->addWidget(replace_);
  column->addWidget(space_);
  column->addSpacing(8);
  column->addWidget(make_heading(tr("What is written")));
  auto* type = new QHBoxLayout;
  auto* type_label = new QLabel(tr("&Weights"));
  type_label->setBuddy(type_);
  type->addWidget(type_label);
  type->addWidget(type_);
  type->addStretch();
  column->addLayout(type);
  column->addWidget(plan_);
  column->addSpacing(8);
  column->addLayout(buttons);
  column->addWidget(report_);
  column->addStretch();
  auto* content = new QWidget;
  auto* row = new QHBoxLayout(content);
  row->addWidget(page, 10);
  row->addStretch(1);
  connect(destination_, &QLineEdit::textChanged, this, &ExportTab::show_plan);
  connect(replace_, &QCheckBox::toggled, this, &ExportTab::show_plan);
  connect(type_, &QComboBox::currentIndexChanged, this, &ExportTab::show_plan);
  connect(write_, &QPushButton::clicked, this, &ExportTab::write);
  connect(open_, &QPushButton::clicked, this, [this] { controller().open(written_); });
  connect(browse_, &QPushButton::clicked, this, [this] {
    const QString parent = QFileDialog::getExistingDirectory(this, tr("Write into a new folder in"));
    if (!parent.isEmpty())
      destination_->setText(QDir(parent).filePath(QFileInfo(destination_->text()).fileName()));
  });
  return content;
}

void ExportTab::suggest() {
  const auto opened = controller().opened();
  if (!opened) return;
  const QString name = QString::fromStdString(opened->checkpoint.name()).section(QLatin1Char('/'), -1);
  destination_->setText(QDir::home().filePath(name + QStringLiteral("-bsbr")));
}

std::optional<Dtype> ExportTab::dtype() const {
  const QVariant type = type_->currentData();
  return type.isValid() ? std::optional(static_cast<Dtype>(type.toInt())) : std::nullopt;
}

void ExportTab::show_plan() {
  const auto opened = controller().opened();
  const auto converted = controller().converted();
  open_->setVisible(!written_.isEmpty());
  write_->setEnabled(converted && !controller().busy() && !destination_->text().isEmpty());
  if (!opened || !converted) return;
  const CheckpointSummary& summary = opened->summary;
  const std::vector<TensorView> tensors = exported_tensors(opened->checkpoint, converted->model);
  const auto bytes = static_cast<std::int64_t>(written_bytes(tensors, dtype()));
  const BsbrConfig& bsbr = *converted->model.config().bsbr;
  QString how = bsbr.states_only ? tr("states only")
                : bsbr.plan.empty()
                    ? tr("%1 far tokens for every head").arg(format::count(bsbr.retrieve))
                    : tr("a plan for each of %1 heads")
                          .arg(format::count(opened->config().layers * opened->config().heads));
  plan_->setText(QStringLiteral("<table>") +
                 row(QStringLiteral("model.safetensors"),
                     (keeps_bits(tensors, dtype()) ? tr("%1 tensors, %2, %3: the original's, bit for bit")
                                                   : tr("%1 tensors, %3: the original's (%2), rounded"))
                         .arg(tensors.size())
                         .arg(QString::fromStdString(summary.dtype), format::bytes(bytes))) +
                 row(QStringLiteral("config.json"), tr("the original's, and the conversion: %1").arg(how)) +
                 row(tr("tokenizer"), opened->checkpoint.gguf() ? tr("as tokenizer.json, from the GGUF file")
                                                                : tr("the original's files")) +
                 row(QStringLiteral("README.md"),
                     tr("a model card, with what the re-opened checkpoint keeps of the original")) +
                 QStringLiteral("</table>"));
  const QStorageInfo disk(existing_parent(destination_->text()));
  const QString space = tr("%1 are needed, %2 are free there.")
                            .arg(format::bytes(bytes + kSpare), format::bytes(disk.bytesAvailable()));
  const bool there = QFileInfo::exists(destination_->text());
  space_->setText(space + (there && !replace_->isChecked() ? tr(" The folder exists already.") : QString()));
}

void ExportTab::write() {
  const auto opened = controller().opened();
  const auto converted = controller().converted();
  if (!converted || controller().busy()) return;
  report_->clear();
  ExportOptions options;
  options.force = replace_->isChecked();
  options.dtype = dtype();
  if (converted->plan) options.check = converted->plan->check;
  controller().run(
      tr("Exporting"),
      [opened, converted, destination = destination_->text().toStdString(), options](const Job& job) mutable {
        options.check_text = [&] { return calibration_texts(*opened, converted->settings).check; };
        return export_checkpoint(opened->checkpoint, converted->model, destination, options, job);
      },
      [this](const ExportReport& report) { show_report(report); });
}

void ExportTab::show_report(const ExportReport& report) {
  written_ = QString::fromStdString(report.folder.string());
  QString text = QStringLiteral("<b>") + tr("Written and verified.") + QStringLiteral("</b><table>") +
                 row(tr("folder"), written_.toHtmlEscaped()) +
                 row(tr("size"), format::bytes(static_cast<std::int64_t>(report.bytes))) +
                 row(tr("tensors"), (report.same_bits ? tr("all %1 re-read: bit-identical to the original")
                                                      : tr("all %1 re-read: the original's, rounded"))
                                        .arg(report.tensors));
  if (report.same_bits)
    text += row(tr("logits"), tr("of the re-opened checkpoint: identical to the model in memory"));
  if (report.left_out > 0)
    text += row(tr("left out"),
                tr("%n tensor(s) that the model does not use", nullptr, static_cast<int>(report.left_out)));
  text += row(
      tr("tokenizer"),
      report.tokenizer.texts > 0
          ? tr("re-opened: the same ids of %1 texts").arg(report.tokenizer.texts)
          : tr("not compared: %1").arg(QString::fromStdString(report.tokenizer.not_checked).toHtmlEscaped()));
  if (report.fidelity) {
    const Fidelity& check = *report.fidelity;
    text += row(tr("fidelity"), tr("KL %1 nats a token, top-1 agreement %2, density %3, on %4 tokens")
                                    .arg(format::nats(check.kl), format::percent(check.top1_agreement),
                                         format::percent(check.density), format::count(check.tokens)));
  }
  report_->setText(text + QStringLiteral("</table>"));
  show_plan();
}

}  // namespace bsbr

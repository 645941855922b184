#include "ui/panels/conversion_panel.h"

#include <QComboBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QSlider>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>
#include <array>

#include "ui/core/format.h"
#include "ui/panels/words.h"

namespace bsbr {
namespace {

constexpr int kSliderSteps = 100;
// Steps of undo that follow each other become one.
constexpr int kSliderMerge = 1, kWindowMerge = 2;

QString goal_value(const ConversionSettings& settings) {
  switch (settings.goal) {
    case Goal::Quality:
      return ConversionPanel::tr("KL at most %1 nats a token").arg(format::nats(settings.quality));
    case Goal::Density:
      return ConversionPanel::tr("%1 of all pairs exact").arg(format::percent(settings.density));
    case Goal::Uniform:
      return ConversionPanel::tr("%1 far tokens a query").arg(format::count(settings.retrieve));
    case Goal::StatesOnly:
      break;
  }
  return ConversionPanel::tr("far past in 1/%1 of its memory").arg(settings.compression_factor);
}

void fill(QComboBox* box, std::initializer_list<int> values) {
  for (const int value : values) box->addItem(format::count(value), value);
}

void select(QComboBox* box, std::int64_t value) {
  int at = box->findData(static_cast<int>(value));
  if (at < 0) {
    box->addItem(format::count(value), static_cast<int>(value));
    at = box->count() - 1;
  }
  box->setCurrentIndex(at);
}

/// "1.35 × as fast", and "slower" said as it is.
QString times(double original, double converted) {
  return ConversionPanel::tr("%1\u00A0× as fast").arg(format::fixed(original / converted, 2));
}

}  // namespace

ConversionPanel::ConversionPanel(Controller& controller, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      goal_(new QComboBox),
      chunk_(new QComboBox),
      block_(new QComboBox),
      factor_(new QComboBox),
      candidates_(new QComboBox),
      calibration_(new QComboBox),
      length_(new QComboBox),
      slider_(new QSlider(Qt::Horizontal)),
      value_(make_heading({})),
      prediction_(new QLabel),
      result_(make_note()),
      stage_(make_note()),
      window_(new QSpinBox),
      convert_(new QPushButton(tr("&Convert"))),
      cancel_(new QPushButton(tr("C&ancel"))),
      more_(new QToolButton),
      details_(make_details()),
      progress_(new QProgressBar) {
  make_controls();
  for (const auto signal :
       {&Controller::openedChanged, &Controller::convertedChanged, &Controller::settingsChanged})
    connect(&controller_, signal, this, &ConversionPanel::show_settings);
  connect(&controller_, &Controller::doingChanged, this, &ConversionPanel::show_job);
  connect(&controller_, &Controller::busyChanged, this, &ConversionPanel::show_job);
  connect(&controller_, &Controller::jobProgressed, this, [this](const JobProgress& progress) {
    progress_->setRange(0, 1000);
    progress_->setValue(static_cast<int>(1000 * progress.fraction));
    stage_->setText(words::progress(progress));
  });
  show_settings();
  show_job();
}

void ConversionPanel::make_controls() {
  goal_->addItem(tr("Plan heads for a quality"));
  goal_->addItem(tr("Plan heads for a density"));
  goal_->addItem(tr("Same for all heads"));
  goal_->addItem(tr("Condensed states only"));
  named(goal_, tr("What to convert for"),
        tr("Quality: the least density at which the divergence from the original stays below a bound.\n"
           "Density: the share of all query-key pairs that are read exactly.\n"
           "Same for all heads: nothing is planned.\n"
           "Condensed states only: far keys and values are given back, so the cache shrinks."));
  slider_->setRange(0, kSliderSteps);
  slider_->setPageStep(10);
  named(slider_, tr("From faithful to fast"),
        tr("Left: closer to the original. Right: faster, reads less exactly"));
  named(convert_, tr("Convert"), tr("Convert with these settings (Ctrl+Return)"));
  named(cancel_, tr("Cancel"), tr("Cancel the running job (Ctrl+.)"));
  named(length_, tr("Length of the prediction"), tr("Tokens that the predicted times and memory are for"));
  convert_->setDefault(true);
  progress_->setTextVisible(false);
  progress_->setMaximumHeight(8);
  progress_->setAccessibleName(tr("Progress of the job"));
  prediction_->setTextFormat(Qt::RichText);
  prediction_->setWordWrap(true);
  more_->setText(tr("Sizes and calibration text"));
  more_->setCheckable(true);
  more_->setAutoRaise(true);
  more_->setArrowType(Qt::RightArrow);
  more_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  named(more_, tr("Show sizes and calibration text"),
        tr("Chunk, block, compression, window, and the text to plan from"));
  connect(more_, &QToolButton::toggled, this, [this](bool on) {
    details_->setVisible(on);
    more_->setArrowType(on ? Qt::DownArrow : Qt::RightArrow);
  });
  details_->hide();

  auto* ends = new QHBoxLayout;
  ends->addWidget(make_note(tr("faithful")));
  ends->addStretch();
  ends->addWidget(value_);
  ends->addStretch();
  ends->addWidget(make_note(tr("fast")));
  expected_ = new QWidget;
  auto* expect = new QHBoxLayout(expected_);
  expect->setContentsMargins(0, 0, 0, 0);
  expect->addWidget(make_heading(tr("Expected at")));
  expect->addWidget(length_);
  expect->addWidget(make_note(tr("tokens")));
  expect->addStretch();
  auto* buttons = new QHBoxLayout;
  buttons->addWidget(convert_, 1);
  buttons->addWidget(cancel_);
  auto* column = new QVBoxLayout(this);
  column->addWidget(goal_);
  column->addWidget(slider_);
  column->addLayout(ends);
  column->addWidget(expected_);
  column->addWidget(prediction_);
  column->addWidget(more_);
  column->addWidget(details_);
  column->addLayout(buttons);
  column->addWidget(progress_);
  column->addWidget(stage_);
  column->addWidget(result_);
  column->addStretch();

  connect(goal_, &QComboBox::activated, this, [this](int goal) {
    change(tr("Change what is converted for"), 0,
           [goal](ConversionSettings& s) { s.goal = static_cast<Goal>(goal); });
  });
  connect(slider_, &QSlider::valueChanged, this, [this](int step) {
    change(tr("Move from faithful to fast"), kSliderMerge,
           [step](ConversionSettings& s) { s.set_speed(static_cast<double>(step) / kSliderSteps); });
  });
  connect(length_, &QComboBox::currentIndexChanged, this, &ConversionPanel::show_prediction);
  connect(convert_, &QPushButton::clicked, &controller_, &Controller::convert);
  connect(cancel_, &QPushButton::clicked, &controller_, &Controller::cancel);
}

QWidget* ConversionPanel::make_details() {
  fill(chunk_, {16, 32, 64, 128, 256, 512});
  fill(block_, {4, 8, 16, 32, 64});
  fill(factor_, {1, 2, 4, 8, 16});
  fill(candidates_, {8, 16, 24, 32, 64, 128});
  named(chunk_, tr("Chunk size"), tr("Tokens; attention inside the own chunk is exact"));
  named(block_, tr("Block size"), tr("Tokens; the unit that is scored, retrieved and condensed"));
  named(factor_, tr("Compression factor"),
        tr("A block's condensed states are so many times smaller than its keys and values"));
  named(window_, tr("Window"), tr("Previous chunks that are exact too"));
  named(candidates_, tr("Candidates"),
        tr("Chunks whose blocks are scored one by one; where there are more, fewer candidates are faster"));
  named(calibration_, tr("Calibration text"),
        tr("The text to plan from: its first two thirds; the rest is what the plan is checked on"));
  window_->setRange(0, 64);
  auto* details = new QWidget;
  auto* form = new QFormLayout(details);
  form->setContentsMargins(0, 0, 0, 0);
  form->addRow(tr("Chunk, tokens"), chunk_);
  form->addRow(tr("Block, tokens"), block_);
  form->addRow(tr("Compression"), factor_);
  form->addRow(tr("Window, chunks"), window_);
  form->addRow(tr("Candidates, chunks"), candidates_);
  form->addRow(tr("Plan from"), calibration_);
  const auto sized = [this](QComboBox* box, const QString& what, std::int64_t ConversionSettings::*field) {
    connect(box, &QComboBox::activated, this, [this, box, what, field] {
      change(what, 0, [&](ConversionSettings& s) { s.*field = box->currentData().toInt(); });
    });
  };
  sized(chunk_, tr("Change the chunk size"), &ConversionSettings::chunk_size);
  sized(block_, tr("Change the block size"), &ConversionSettings::block_size);
  sized(factor_, tr("Change the compression factor"), &ConversionSettings::compression_factor);
  sized(candidates_, tr("Change the candidates"), &ConversionSettings::candidates);
  connect(window_, &QSpinBox::valueChanged, this, [this](int chunks) {
    change(tr("Change the window"), kWindowMerge, [chunks](ConversionSettings& s) { s.window = chunks; });
  });
  connect(calibration_, &QComboBox::activated, this, &ConversionPanel::choose_calibration);
  return details;
}

void ConversionPanel::choose_calibration() {
  QString file = calibration_->currentData().toString();
  if (calibration_->currentIndex() == calibration_->count() - 1) {
    file = QFileDialog::getOpenFileName(this, tr("Text to plan from"));
    if (file.isEmpty()) return show_settings();  // what was chosen stays
  }
  change(tr("Change the calibration text"), 0,
         [&](ConversionSettings& s) { s.calibration = file.toStdString(); });
}

void ConversionPanel::show_calibration() {
  const QString file = QString::fromStdString(controller_.settings().calibration);
  calibration_->clear();
  calibration_->addItem(tr("the bundled text"), QString());
  if (!file.isEmpty()) calibration_->addItem(QFileInfo(file).fileName(), file);
  calibration_->setCurrentIndex(calibration_->count() - 1);
  calibration_->addItem(tr("a file …"));
  calibration_->setEnabled(controller_.settings().is_planned());
}

void ConversionPanel::change(const QString& what, int merge_id,
                             const std::function<void(ConversionSettings&)>& edit) {
  if (showing_) return;
  ConversionSettings settings = controller_.settings();
  edit(settings);
  controller_.changeSettings(settings, what, merge_id);
}

std::int64_t ConversionPanel::length() const {
  return length_->currentData().toLongLong();
}

void ConversionPanel::show_settings() {
  showing_ = true;
  const ConversionSettings& settings = controller_.settings();
  goal_->setCurrentIndex(static_cast<int>(settings.goal));
  slider_->setValue(static_cast<int>(std::lround(settings.speed() * kSliderSteps)));
  select(chunk_, settings.chunk_size);
  select(block_, settings.block_size);
  select(factor_, settings.compression_factor);
  select(candidates_, settings.candidates);
  window_->setValue(static_cast<int>(settings.window));
  show_calibration();
  value_->setText(goal_value(settings));
  const auto opened = controller_.opened();
  const std::int64_t context = opened ? opened->config().context : 0;
  if (length_->count() == 0 || length_->property("context").toLongLong() != context) {
    length_->clear();
    for (std::int64_t n = 512; n < context; n *= 2)
      length_->addItem(format::count(n), static_cast<qlonglong>(n));
    if (context > 0) length_->addItem(format::count(context), static_cast<qlonglong>(context));
    length_->setCurrentIndex(length_->count() - 1);
    length_->setProperty("context", static_cast<qlonglong>(context));
  }
  showing_ = false;
  show_prediction();
  show_job();
}

void ConversionPanel::show_prediction() {
  if (showing_) return;
  const auto prediction = controller_.predict(length());
  expected_->setVisible(prediction && prediction->density);
  if (!prediction) {
    prediction_->setText(tr("Open a checkpoint to see what converting would give."));
    return;
  }
  if (!prediction->density) {
    try {
      controller_.settings().config().validate(controller_.opened()->config().context);
      prediction_->setText(tr("Density, memory and time show once a plan has been made."));
    } catch (const Error& error) {
      prediction_->setText(QString::fromUtf8(error.what()).toHtmlEscaped());
    }
    return;
  }
  const PredictedCost& before = prediction->original;
  const PredictedCost& after = prediction->converted;
  const auto row = [](const QString& what, const QString& value, const QString& note) {
    return QStringLiteral("<tr><td>%1&nbsp;</td><td align=right><b>%2</b>&nbsp;</td><td>%3</td></tr>")
        .arg(what, value, note);
  };
  prediction_->setText(
      QStringLiteral("<table>") +
      row(tr("density"), QStringLiteral("≈ ") + format::percent(*prediction->density), tr("read exactly")) +
      row(tr("prefill"), QStringLiteral("≈ ") + format::milliseconds(after.prefill_ms()),
          times(before.prefill_ms(), after.prefill_ms())) +
      row(tr("a token"), QStringLiteral("≈ ") + format::milliseconds(after.decode_ms()),
          times(before.decode_ms(), after.decode_ms())) +
      row(tr("cache"), QStringLiteral("≈ ") + format::bytes(after.cache_bytes),
          tr("original %1").arg(format::bytes(before.cache_bytes))) +
      QStringLiteral("</table>"));
}

void ConversionPanel::show_job() {
  const bool busy = controller_.busy();
  const bool converting = controller_.doing() == Controller::Doing::Converting;
  convert_->setEnabled(controller_.opened() != nullptr && !busy);
  convert_->setText(controller_.converted() ? tr("&Convert again") : tr("&Convert"));
  cancel_->setVisible(busy);
  progress_->setVisible(converting);
  stage_->setVisible(converting);
  if (!converting) {
    progress_->setRange(0, 0);
    stage_->clear();
  }
  const auto converted = controller_.converted();
  result_->setVisible(converted != nullptr && !converting);
  if (!converted) return;
  QString text;
  if (converted->plan) {
    const Fidelity& check = converted->plan->check;
    text = tr("Converted: density %1, KL %2 nats, top-1 agreement %3, checked on %4 tokens of other text.")
               .arg(format::percent(check.density), format::nats(check.kl),
                    format::percent(check.top1_agreement), format::count(check.tokens));
  } else {
    text = tr("Converted; see Fidelity for what it keeps.");
  }
  if (controller_.is_stale()) text += tr(" The settings have changed since.");
  result_->setText(text);
}

}  // namespace bsbr

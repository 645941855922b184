#include "ui/tabs/capture_feeder.h"

#include <algorithm>

namespace bsbr {
namespace {

/// So long a text may still change before it is read again.
constexpr int kPatienceMs = 300;

}  // namespace

CaptureFeeder::CaptureFeeder(Controller& controller, QObject* parent)
    : QObject(parent), controller_(controller) {
  patience_.setSingleShot(true);
  patience_.setInterval(kPatienceMs);
  connect(&patience_, &QTimer::timeout, this, &CaptureFeeder::read);
  connect(&task_, &LatestTask::progressed, this, &CaptureFeeder::progressed);
  const auto tell = [this](const QString& message) {
    controller_.tell({tr("Attention cannot be shown"), message, ErrorKind::Internal});
  };
  connect(&task_, &LatestTask::failed, this, [this, tell](const QString& message) {
    tell(message);
    Q_EMIT settled();
  });
  connect(&scene_, &AttentionScene::failed, this, tell);
  for (const auto signal : {&Controller::convertedChanged, &Controller::tokensChanged})
    connect(&controller, signal, this, &CaptureFeeder::changed);
  connect(&controller, &Controller::selectionChanged, this, [this] { follow(); });
  const auto share = [this] {
    if (following_) return;
    auto selection = controller_.selection();
    selection.layer = scene_.layer();
    selection.head = scene_.head();
    selection.query = scene_.query();
    controller_.setSelection(selection);
  };
  connect(&scene_, &AttentionScene::headChanged, this, share);
  connect(&scene_, &AttentionScene::queryChanged, this, share);
}

void CaptureFeeder::addViewer(const QWidget* viewer) {
  viewers_.push_back(viewer);
  if (stale_) patience_.start(0);
}

void CaptureFeeder::removeViewer(const QWidget* viewer) {
  viewers_.erase(std::remove(viewers_.begin(), viewers_.end(), viewer), viewers_.end());
}

void CaptureFeeder::follow() {
  const auto selection = controller_.selection();
  following_ = true;
  scene_.setHead(selection.layer, selection.head);
  scene_.setQuery(selection.query);
  following_ = false;
}

void CaptureFeeder::changed() {
  stale_ = true;
  task_.cancel();
  if (!controller_.converted() || !controller_.tokens()) {
    patience_.stop();
    scene_.setCapture(nullptr, {});
    Q_EMIT settled();
    return;
  }
  if (!viewers_.empty()) patience_.start(kPatienceMs);
}

void CaptureFeeder::read() {
  const auto opened = controller_.opened();
  const auto converted = controller_.converted();
  const auto tokens = controller_.tokens();
  if (!stale_ || viewers_.empty() || !opened || !converted || !tokens) return;
  std::vector<TokenId> ids = controller_.usable_tokens();
  stale_ = false;
  if (ids.empty()) {
    scene_.setCapture(nullptr, {});
    Q_EMIT settled();
    return;
  }
  Q_EMIT progressed(tr("reading the text with both models"), 0);
  // Of the same text the original has been read already.
  const auto last = opened == read_by_.lock() && tokens == read_.lock() ? scene_.capture() : nullptr;
  task_.start(
      [opened, converted, last, ids = std::move(ids)](const Job& job) {
        return std::make_shared<const AttentionCapture>(
            last ? last->with_conversion(converted->model, job)
                 : AttentionCapture(opened->original, converted->model, ids, job));
      },
      [this, opened, tokens](const std::shared_ptr<const AttentionCapture>& capture) {
        follow();
        const auto used = std::min<std::ptrdiff_t>(capture->tokens(), std::ssize(tokens->pieces));
        scene_.setCapture(capture, {tokens->pieces.begin(), tokens->pieces.begin() + used});
        read_by_ = opened;
        read_ = tokens;
        Q_EMIT settled();
      });
}

}  // namespace bsbr

#include "ui/panels/long_text_edit.h"

#include <QKeyEvent>
#include <QMimeData>
#include <QScopedValueRollback>
#include <QTextBlock>
#include <QTimerEvent>
#include <algorithm>
#include <utility>

#include "ui/attention/token_text.h"

namespace bsbr {
namespace {

/// So long a turn of the event loop puts text into the document.
constexpr int kTurnMs = 10;
/// A piece ends behind a space that is so near to its end.
constexpr qsizetype kNear = 100;

/// Of a block that is a piece of a long paragraph: which paragraph's, and a number of its own. A block that
/// is split leaves both to its halves.
constexpr int kParagraph = QTextFormat::UserProperty, kPiece = kParagraph + 1;

bool ends_paragraph(QChar character) {
  // What QTextCursor::insertText makes a new block of.
  const char16_t c = character.unicode();
  return c == u'\n' || c == u'\r' || c == QChar::ParagraphSeparator || c == 0xFDD0 || c == 0xFDD1;
}

/// Whether two blocks that follow each other are pieces of one paragraph.
bool go_together(const QTextBlockFormat& first, const QTextBlockFormat& second) {
  const int paragraph = second.intProperty(kParagraph);
  return paragraph != 0 && paragraph == first.intProperty(kParagraph) &&
         first.intProperty(kPiece) != second.intProperty(kPiece);
}

bool continues(const QTextBlock& block) {
  return block.isValid() && block.previous().isValid() &&
         go_together(block.previous().blockFormat(), block.blockFormat());
}

qsizetype end_of_paragraph(QStringView text, qsizetype at) {
  return std::find_if(text.begin() + at, text.end(), ends_paragraph) - text.begin();
}

/// Where a piece ends that begins at `at` and has `most` characters at most, more than kNear.
qsizetype end_of_piece(QStringView text, qsizetype at, qsizetype most) {
  const qsizetype end = at + most;
  for (qsizetype i = end; i > end - kNear; --i) {
    if (text[i - 1].isSpace()) return i;
  }
  return whole_until(text, end);
}

/// Of the end of a paragraph at `at`.
qsizetype separator_length(QStringView text, qsizetype at) {
  return text[at] == QLatin1Char('\r') && at + 1 < text.size() && text[at + 1] == QLatin1Char('\n') ? 2 : 1;
}

}  // namespace

LongTextEdit::LongTextEdit(QWidget* parent) : QPlainTextEdit(parent) {
  connect(document(), &QTextDocument::contentsChange, this, [this](int at, int /*removed*/, int added) {
    changed_at_ = at;
    changed_ = added;
  });
  connect(this, &QPlainTextEdit::textChanged, this, [this] {
    if (own_) return;
    cut_grown_blocks();
    Q_EMIT edited();
  });
}

void LongTextEdit::setText(const QString& text) {
  const QScopedValueRollback<bool> own(own_, true);
  document()->setUndoRedoEnabled(false);
  clear();
  rest_ = text;
  taken_ = 0;
  add_part();
  moveCursor(QTextCursor::Start);
}

void LongTextEdit::append(const QString& text) {
  const QScopedValueRollback<bool> own(own_, true);
  QTextCursor cursor(document());
  cursor.movePosition(QTextCursor::End);
  insert(cursor, text, QDeadlineTimer(QDeadlineTimer::Forever));
}

void LongTextEdit::add_part() {
  const QScopedValueRollback<bool> own(own_, true);
  QTextCursor cursor(document());
  cursor.movePosition(QTextCursor::End);
  taken_ += insert(cursor, QStringView(rest_).mid(taken_), QDeadlineTimer(kTurnMs));
  if (taken_ < rest_.size()) {
    if (timer_ == 0) timer_ = startTimer(0);
    return;
  }
  if (timer_ != 0) killTimer(std::exchange(timer_, 0));
  rest_.clear();
  taken_ = 0;
  document()->setUndoRedoEnabled(true);
}

void LongTextEdit::timerEvent(QTimerEvent* event) {
  if (event->timerId() == timer_) {
    add_part();
  } else {
    QPlainTextEdit::timerEvent(event);
  }
}

/// Makes what follows the cursor another piece of the same paragraph.
void LongTextEdit::cut_at(QTextCursor& cursor) {
  const auto piece_of = [this](int paragraph) {
    QTextBlockFormat format;
    format.setProperty(kParagraph, paragraph);
    format.setProperty(kPiece, ++numbers_);
    return format;
  };
  int paragraph = cursor.blockFormat().intProperty(kParagraph);
  if (paragraph == 0) {
    paragraph = ++numbers_;
    cursor.setBlockFormat(piece_of(paragraph));
  }
  cursor.insertBlock(piece_of(paragraph));
}

/// Inserts whole paragraphs and pieces until the time is over; returns how many characters they have.
qsizetype LongTextEdit::insert(QTextCursor& cursor, QStringView text, const QDeadlineTimer& until) {
  cursor.beginEditBlock();
  cursor.removeSelectedText();
  // What follows the cursor still goes together with the pieces behind it.
  const bool inside = !cursor.atBlockEnd() || continues(cursor.block().next());
  const QTextBlockFormat next_paragraph = inside ? cursor.blockFormat() : QTextBlockFormat();
  qsizetype at = 0;
  while (at < text.size() && !until.hasExpired()) {
    const qsizetype room = std::max<qsizetype>(0, kMostOfParagraph - cursor.positionInBlock());
    const QStringView in_sight = text.first(std::min(text.size(), at + room + 1));
    qsizetype end = end_of_paragraph(in_sight, at);
    const bool whole = end - at <= room;
    if (!whole) end = room > kNear ? end_of_piece(text, at, room) : at;
    cursor.insertText(text.mid(at, end - at).toString());
    at = end;
    if (!whole) {
      cut_at(cursor);
    } else if (at < text.size()) {
      at += separator_length(text, at);
      cursor.insertBlock(next_paragraph);
    }
  }
  cursor.endEditBlock();
  return at;
}

void LongTextEdit::cut_grown_blocks() {
  if (document()->isRedoAvailable()) return;  // a step was undone: blocks are as they were
  const QScopedValueRollback<bool> own(own_, true);
  const int end = changed_at_ + changed_;
  for (QTextBlock block = document()->findBlock(changed_at_); block.isValid() && block.position() <= end;
       block = block.next()) {
    if (block.length() <= 2 * kMostOfParagraph) continue;
    QTextCursor cursor(block);
    cursor.joinPreviousEditBlock();
    cursor.setPosition(block.position() + static_cast<int>(end_of_piece(block.text(), 0, kMostOfParagraph)));
    cut_at(cursor);
    cursor.endEditBlock();
  }
}

QString LongTextEdit::text() const {
  QString text = joined(document()->toRawText(), 0);
  text += QStringView(rest_).mid(taken_);
  return text;
}

/// The document's characters from `begin` on, as it has them, without the cuts.
QString LongTextEdit::joined(const QString& raw, int begin) const {
  QString text;
  text.reserve(raw.size());
  qsizetype copied = 0;
  QTextBlock block = document()->findBlock(begin);
  while (numbers_ > 0 && block.isValid()) {
    const int format = block.blockFormatIndex();
    block = block.next();
    const qsizetype separator = block.position() - 1 - begin;
    if (!block.isValid() || separator >= raw.size()) break;
    if (block.blockFormatIndex() == format || !continues(block)) continue;
    text += QStringView(raw).mid(copied, separator - copied);
    copied = separator + 1;
  }
  text += QStringView(raw).mid(copied);
  text.replace(QChar::ParagraphSeparator, QLatin1Char('\n'));
  return text;
}

QMimeData* LongTextEdit::createMimeDataFromSelection() const {
  const QTextCursor cursor = textCursor();
  auto* copied = new QMimeData;
  copied->setText(joined(cursor.selectedText(), cursor.selectionStart()));
  return copied;
}

void LongTextEdit::insertFromMimeData(const QMimeData* source) {
  if (isReadOnly() || !source->hasText()) return;
  QTextCursor cursor = textCursor();
  const QString text = source->text();
  insert(cursor, text, QDeadlineTimer(QDeadlineTimer::Forever));
  setTextCursor(cursor);
  ensureCursorVisible();
}

void LongTextEdit::keyPressEvent(QKeyEvent* event) {
  QTextCursor cursor = textCursor();
  if (!isReadOnly() && event->matches(QKeySequence::InsertLineSeparator)) {
    cursor.insertBlock();  // and not the character that Qt takes, which a text would not have
    setTextCursor(cursor);
    ensureCursorVisible();
    return;
  }
  const bool back = event->key() == Qt::Key_Backspace;
  const bool ahead = event->key() == Qt::Key_Delete;
  // What is to be deleted lies in the piece beside.
  if (!isReadOnly() && !cursor.hasSelection() &&
      ((back && cursor.atBlockStart() && continues(cursor.block())) ||
       (ahead && cursor.atBlockEnd() && continues(cursor.block().next())))) {
    cursor.movePosition(back ? QTextCursor::PreviousCharacter : QTextCursor::NextCharacter);
    setTextCursor(cursor);
  }
  QPlainTextEdit::keyPressEvent(event);
}

}  // namespace bsbr

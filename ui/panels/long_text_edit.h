#pragma once

#include <QDeadlineTimer>
#include <QPlainTextEdit>

namespace bsbr {

/// A plain text editor that stays quick whatever its text is. Qt lays out a paragraph as a whole, in a time
/// that grows with the square of its longest word, so long paragraphs lie in the document in pieces, as
/// blocks of their own; and it makes a document in one go, so long texts come in parts. Neither shows in
/// text() or in what is copied.
class LongTextEdit : public QPlainTextEdit {
  Q_OBJECT

 public:
  explicit LongTextEdit(QWidget* parent = nullptr);

  /// Replaces the text; cannot be undone. Of a long text the rest comes later, though text() has it already.
  void setText(const QString& text);
  /// Adds to the end.
  void append(const QString& text);
  [[nodiscard]] QString text() const;

  /// Characters of a paragraph, in UTF-16, that are laid out together.
  static constexpr qsizetype kMostOfParagraph = 1000;

 Q_SIGNALS:
  /// By a person, as opposed to setText() and append().
  void edited();

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  [[nodiscard]] QMimeData* createMimeDataFromSelection() const override;
  void insertFromMimeData(const QMimeData* source) override;
  void timerEvent(QTimerEvent* event) override;

 private:
  void add_part();
  qsizetype insert(QTextCursor& cursor, QStringView text, const QDeadlineTimer& until);
  void cut_grown_blocks();
  void cut_at(QTextCursor& cursor);
  [[nodiscard]] QString joined(const QString& raw, int begin) const;

  QString rest_;         // of the text, not in the document yet
  qsizetype taken_ = 0;  // of rest_
  int timer_ = 0;        // while there is a rest
  int numbers_ = 0;      // handed out to paragraphs and pieces
  int changed_at_ = 0, changed_ = 0;
  bool own_ = false;  // a change is not a person's
};

}  // namespace bsbr

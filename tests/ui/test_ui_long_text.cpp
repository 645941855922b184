#include <QClipboard>
#include <QLabel>
#include <QListView>
#include <QTextBlock>

#include "tests/ui/heart_beat.h"
#include "tests/ui/shown.h"
#include "tests/ui/studio.h"
#include "ui/attention/attention_scene.h"
#include "ui/attention/token_text.h"
#include "ui/core/token_model.h"
#include "ui/panels/long_text_edit.h"

using namespace bsbr;
using test::click;
using test::HeartBeat;
using test::Studio;

namespace {

constexpr qsizetype kMillion = 1'000'000;

QString repeated(const QString& part, qsizetype length = 100'000) {
  return part.repeated(length / part.size() + 1).left(length);
}

/// Texts that a layout may find hard.
void add_hard_texts() {
  QTest::addColumn<QString>("text");
  const auto row = [](const char* name, const QString& text) { QTest::newRow(name) << text; };
  row("one word", repeated(QStringLiteral("a"), kMillion));
  row("prose", repeated(QStringLiteral("The ferry was kept by a widow.\n"), kMillion));
  row("prose in one line", repeated(QStringLiteral("The ferry was kept by a widow. ")));
  row("spaces", repeated(QStringLiteral(" ")));
  row("no-break spaces", repeated(QStringLiteral("\u00A0")));
  row("tabs", repeated(QStringLiteral("\t")));
  row("line ends", repeated(QStringLiteral("\n"), 60'000));
  row("short lines", repeated(QStringLiteral("ab\n"), 180'000));
  row("Chinese", repeated(QStringLiteral("渡船由一位寡婦看守")));
  row("Arabic", repeated(QStringLiteral("العبارة")));
  row("Hebrew and English", repeated(QStringLiteral("שלוםabc")));
  row("emoji of several characters",
      repeated(QStringLiteral("👩‍👩‍👧‍👦🏳️‍🌈🇩🇪👍🏽")));
  row("accents upon accents", QStringLiteral("a") + repeated(QStringLiteral("\u0301")));
  row("zero-width joiners", repeated(QStringLiteral("\u200D")));
  row("half characters", repeated(QString(QChar(0xD83D))));
  row("Thai", repeated(QStringLiteral("ภาษาไทยไม่มีช่องว่าง")));
}

void show(QWidget& widget) {
  bsbr::test::show(widget, 320, 240);
}

/// Until the whole text is in the document.
bool wait_until_loaded(const LongTextEdit& edit) {
  return QTest::qWaitFor([&] { return edit.document()->isUndoRedoEnabled(); }, 60'000);
}

qsizetype longest_block(const LongTextEdit& edit) {
  qsizetype longest = 0;
  for (QTextBlock block = edit.document()->begin(); block.isValid(); block = block.next())
    longest = std::max<qsizetype>(longest, block.length() - 1);
  return longest;
}

}  // namespace

/// Texts that are long in any direction.
class TestUiLongText : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  /// Nothing that is laid out together is long, and the window goes on meanwhile.
  void anyTextIsShown_data() { add_hard_texts(); }
  void anyTextIsShown() {
    QFETCH(QString, text);
    LongTextEdit edit;
    show(edit);
    const HeartBeat beat;
    edit.setText(text);
    QVERIFY(edit.text() == text);  // before it is there to be seen
    QVERIFY(wait_until_loaded(edit));
    QTest::qWait(30);
    edit.moveCursor(QTextCursor::End);
    QTest::qWait(30);
    edit.resize(500, 300);
    QTest::qWait(30);
    edit.moveCursor(QTextCursor::Start);
    QTest::qWait(30);
    VERIFY_ALIVE(beat);
    QVERIFY(longest_block(edit) <= LongTextEdit::kMostOfParagraph);
    QVERIFY(edit.text() == text);
  }

  void pastingIsTheSame_data() { add_hard_texts(); }
  void pastingIsTheSame() {
    QFETCH(QString, text);
    LongTextEdit edit;
    show(edit);
    edit.setText(QStringLiteral("begin|end"));
    edit.moveCursor(QTextCursor::Start);
    for (int i = 0; i < 6; ++i) edit.moveCursor(QTextCursor::Right);
    QGuiApplication::clipboard()->setText(text);
    edit.paste();
    QVERIFY(edit.text() == QStringLiteral("begin|") + text + QStringLiteral("end"));
    QVERIFY(longest_block(edit) <= 2 * LongTextEdit::kMostOfParagraph);
    edit.undo();
    QCOMPARE(edit.text(), QStringLiteral("begin|end"));
    edit.redo();
    QVERIFY(edit.text() == QStringLiteral("begin|") + text + QStringLiteral("end"));
  }

  void whatIsCopiedHasNoCuts() {
    const QString text = repeated(QStringLiteral("a"), 30'000) + QStringLiteral("\nb\n") +
                         repeated(QStringLiteral("c"), 9'000);
    LongTextEdit edit;
    edit.setText(text);
    QVERIFY(wait_until_loaded(edit));
    edit.selectAll();
    edit.copy();
    QVERIFY(QGuiApplication::clipboard()->text() == text);
    QTextCursor part = edit.textCursor();
    part.setPosition(990);
    part.setPosition(1'011, QTextCursor::KeepAnchor);  // over a cut, which has a place of its own
    edit.setTextCursor(part);
    edit.copy();
    QCOMPARE(QGuiApplication::clipboard()->text(), QString(20, QLatin1Char('a')));
  }

  /// Keys that delete at a cut delete a character, and what is typed there is one text with what stands
  /// there.
  void editingAtACut() {
    LongTextEdit edit;
    show(edit);
    const QString a(1'000, QLatin1Char('a')), b(1'000, QLatin1Char('b'));
    edit.setText(a + b);
    QTextCursor cursor = edit.textCursor();
    cursor.setPosition(1'001);
    QCOMPARE(cursor.positionInBlock(), 0);
    edit.setTextCursor(cursor);
    QTest::keyClick(&edit, Qt::Key_Backspace);
    QVERIFY(edit.text() == a.mid(1) + b);
    QTest::keyClicks(&edit, QStringLiteral("x"));
    QVERIFY(edit.text() == a.mid(1) + QLatin1Char('x') + b);
    QTest::keyClick(&edit, Qt::Key_Delete);
    QVERIFY(edit.text() == a.mid(1) + QLatin1Char('x') + b.mid(1));
    QTest::keyClick(&edit, Qt::Key_Return);
    QVERIFY(edit.text() == a.mid(1) + QStringLiteral("x\n") + b.mid(1));
    QTest::keyClick(&edit, Qt::Key_Backspace);
    QVERIFY(edit.text() == a.mid(1) + QLatin1Char('x') + b.mid(1));
    for (int i = 0; i < 9; ++i) edit.undo();
    QVERIFY(edit.text() == a + b);
    for (int i = 0; i < 9; ++i) edit.redo();
    QVERIFY(edit.text() == a.mid(1) + QLatin1Char('x') + b.mid(1));
  }

  void linesWithinAPieceStayLines() {
    LongTextEdit edit;
    show(edit);
    const QString a(10'000, QLatin1Char('a'));
    edit.setText(a);
    QTextCursor cursor = edit.textCursor();
    cursor.setPosition(5'005);
    edit.setTextCursor(cursor);
    QTest::keyClick(&edit, Qt::Key_Return);
    QTest::keyClick(&edit, Qt::Key_Return, Qt::ShiftModifier);
    QGuiApplication::clipboard()->setText(QStringLiteral("x\r\ny\nz"));
    edit.paste();
    QVERIFY(edit.text() == a.left(5'000) + QStringLiteral("\n\nx\ny\nz") + a.mid(5'000));
    // A whole piece goes, and nothing comes in its place.
    edit.setText(a);
    cursor = edit.textCursor();
    cursor.setPosition(1'001);
    cursor.setPosition(2'002, QTextCursor::KeepAnchor);
    edit.setTextCursor(cursor);
    QTest::keyClick(&edit, Qt::Key_Delete);
    QVERIFY(edit.text() == a.left(9'000));
  }

  /// A paragraph that grows by typing is cut when it has become long.
  void whatGrowsIsCut() {
    LongTextEdit edit;
    show(edit);
    QString expected;
    edit.setText(QString());
    for (int i = 0; i < 5; ++i) {
      const QString part(1'800, QLatin1Char(static_cast<char>('a' + i)));
      QGuiApplication::clipboard()->setText(part);
      edit.moveCursor(QTextCursor::Start);
      edit.paste();
      expected.prepend(part);
    }
    QVERIFY(edit.text() == expected);
    QVERIFY(longest_block(edit) <= 2 * LongTextEdit::kMostOfParagraph);
    QVERIFY(edit.document()->blockCount() > 1);
  }

  void whatIsAppendedIsCut() {
    LongTextEdit edit;
    edit.setReadOnly(true);
    QString expected;
    for (int i = 0; i < 3'000; ++i) {
      edit.append(QStringLiteral("word%1").arg(i));
      expected += QStringLiteral("word%1").arg(i);
    }
    QCOMPARE(edit.text(), expected);
    QVERIFY(longest_block(edit) <= LongTextEdit::kMostOfParagraph);
  }

  void onlyAPersonEdits() {
    LongTextEdit edit;
    show(edit);
    int edits = 0;
    connect(&edit, &LongTextEdit::edited, this, [&] { ++edits; });
    edit.setText(repeated(QStringLiteral("a"), 100'000));
    QVERIFY(wait_until_loaded(edit));
    edit.append(QStringLiteral("b"));
    QCOMPARE(edits, 0);
    QTest::keyClicks(&edit, QStringLiteral("xy"));
    QCOMPARE(edits, 2);
    QCOMPARE(edit.textCursor().position(), 2);
  }

  /// Characters that Qt's own editor hands back as others.
  void everyCharacterIsKept() {
    const QString text = QStringLiteral("a\u00A0b\u2028c\u200Bd\uFEFFe\U0001F469f");
    LongTextEdit edit;
    show(edit);
    edit.setText(text);
    QCOMPARE(edit.text(), text);
    QTest::keyClicks(&edit, QStringLiteral("x"));
    QCOMPARE(edit.text(), QLatin1Char('x') + text);
  }

  void charactersAreNotCut() {
    const QString family = QStringLiteral("👩‍👩‍👧‍👦");
    for (int i = 1; i < family.size(); ++i) QCOMPARE(whole_until(QLatin1Char('a') + family, 1 + i), 1);
    QCOMPARE(whole_until(QStringLiteral("abc"), 2), 2);
    QCOMPARE(whole_until(QStringLiteral("abc"), 7), 3);
    QCOMPARE(whole_until(QString(300, QChar(0x0301)), 200), 200);
    for (const QString& part : {QStringLiteral("😀"), QStringLiteral("e\u0301"), family}) {
      const QString text = shortened(part.repeated(300), 100);
      QVERIFY(text.size() <= 110);
      for (const QString& side : text.split(QChar(0x2026)))
        QCOMPARE(side, part.repeated(side.size() / part.size()));
    }
  }

  void tooltipsAreWrappedAndShownAsTheyAre() {
    const QString tip = tool_tip(repeated(QStringLiteral("a"), 400));
    for (const QString& line : tip.split(QStringLiteral("<br>"))) QVERIFY(line.size() < 100);
    QCOMPARE(QString(tip).remove(QStringLiteral("<br>")).size(), 400 + 9);
    QCOMPARE(tool_tip(QStringLiteral("<b>a</b>")), QStringLiteral("<qt>&lt;b&gt;a&lt;/b&gt;</qt>"));
    QVERIFY(tool_tip(repeated(QStringLiteral("The ferry "), 200)).contains(QStringLiteral(" <br>The")) ||
            tool_tip(repeated(QStringLiteral("The ferry "), 200)).contains(QStringLiteral(" <br>ferry")));
    QCOMPARE(tool_tip(QString()), QStringLiteral("<qt></qt>"));
  }

  /// A token may be as long as its checkpoint says.
  void longTokensAreShortened() {
    TokenModel model;
    auto tokens = std::make_shared<TokenizedText>();
    tokens->ids = {1, 2};
    tokens->pieces = {repeated(QStringLiteral("a"), kMillion), QStringLiteral(" b")};
    model.setTokens(tokens);
    QVERIFY(model.index(0).data().toString().size() < 100);
    QCOMPARE(model.index(1).data().toString(), QStringLiteral("·b"));
    AttentionScene scene;
    scene.setCapture(nullptr, tokens->pieces);
    QVERIFY(scene.text(0, 1, 120).size() < 140);
  }

  /// The whole window with such a text: editor, tokens, prompt, maps.
  void theStudioStaysAlive_data() {
    QTest::addColumn<QString>("text");
    QTest::newRow("one word") << repeated(QStringLiteral("a"), 300'000);
    QTest::newRow("prose") << repeated(QStringLiteral("The ferry was kept by a widow. "), 300'000);
  }
  void theStudioStaysAlive() {
    QFETCH(QString, text);
    Studio studio;
    QVERIFY(studio.open_demo());
    studio.window->showTab(studio.tab("attention"));
    QVERIFY(QTest::qWaitFor([&] { return !studio.tab("attention")->is_working(); }, 60'000));
    const HeartBeat beat;
    studio.controller.setText(text);
    QTRY_VERIFY_WITH_TIMEOUT(studio.controller.tokens() && studio.controller.tokens()->text == text, 60'000);
    for (const char* tab : {"attention", "retrieval", "generate"}) {
      studio.window->showTab(studio.tab(tab));
      QVERIFY(QTest::qWaitFor([&] { return !studio.tab(tab)->is_working(); }, 60'000));
    }
    click(studio.find<QAbstractButton>("Show tokens"));
    QTest::qWait(200);
    click(studio.find<QAbstractButton>("Show tokens"));
    QVERIFY(studio.wait_until_calm());
    VERIFY_ALIVE(beat);
    QVERIFY(studio.find<LongTextEdit>("Text")->text() == text);
  }
};

QTEST_MAIN(TestUiLongText)
#include "test_ui_long_text.moc"

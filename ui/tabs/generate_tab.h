#pragma once

#include <array>
#include <memory>

#include "engine/tokenizer/stream_decoder.h"
#include "ui/core/duel.h"
#include "ui/tabs/tab.h"

class QDoubleSpinBox;
class QLabel;
class QPushButton;
class QSpinBox;

namespace bsbr {

class LongTextEdit;

/// One prompt, continued by both models side by side; where they part is marked.
class GenerateTab : public Tab {
  Q_OBJECT

 public:
  explicit GenerateTab(Controller& controller, QWidget* parent = nullptr);
  void fill() override;

 private:
  /// What a model has written.
  struct Side {
    LongTextEdit* text = nullptr;
    QLabel* speed = nullptr;
    std::unique_ptr<StreamDecoder> decoder;
    std::vector<TokenId> ids;
    std::vector<int> ends;  ///< of the shown text after each token, in characters
    double prompt_seconds = 0;
  };

  QWidget* make_content();
  QWidget* make_controls();
  QWidget* make_side(int model);
  void take_text();
  void start();
  void add(const DuelToken& token);
  void finish();
  void mark_difference();

  LongTextEdit* prompt_;
  QPushButton *run_, *from_text_;
  QSpinBox *tokens_, *top_k_, *seed_;
  QDoubleSpinBox *temperature_, *top_p_;
  QLabel* verdict_;
  std::array<Side, 2> sides_;
  bool prompt_is_own_ = false;  // typed, not taken from the text
  int run_number_ = 0;
};

}  // namespace bsbr

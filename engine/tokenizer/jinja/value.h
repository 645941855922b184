#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/tokenizer/jinja/budget.h"

namespace bsbr::jinja {

class Value;
struct Sequence;
struct Dict;
struct Namespace;
struct Function;
struct Loop;

/// What a name or an attribute that is not there evaluates to: prints as nothing, is false, and fails with
/// its reason where more is asked of it (jinja2.Undefined).
struct Undefined {
  std::shared_ptr<const std::string> reason;
};
struct None {};

using Text = std::shared_ptr<const std::string>;

/// A value of Python as Jinja templates see it; cheap to copy. Strings are UTF-8; a byte that is not valid
/// counts as one character. Integers have 64 bits.
class Value {
 public:
  using Any = std::variant<Undefined, None, bool, std::int64_t, double, Text, std::shared_ptr<const Sequence>,
                           std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
                           std::shared_ptr<const Function>, std::shared_ptr<Loop>>;

  Value() = default;
  Value(None none) : any_(none) {}            // NOLINT(google-explicit-constructor)
  Value(bool value) : any_(value) {}          // NOLINT(google-explicit-constructor)
  Value(std::int64_t value) : any_(value) {}  // NOLINT(google-explicit-constructor)
  Value(double value) : any_(value) {}        // NOLINT(google-explicit-constructor)
  Value(std::string text) : any_(std::make_shared<const std::string>(std::move(text))) {}  // NOLINT
  Value(std::string_view text) : Value(std::string(text)) {}                               // NOLINT
  Value(const char* text) : Value(std::string(text)) {}                                    // NOLINT
  template <class T>
  Value(std::shared_ptr<T> shared) : any_(std::move(shared)) {}  // NOLINT(google-explicit-constructor)

  static Value undefined(std::string reason);

  template <class T>
  [[nodiscard]] const T* get() const {
    return std::get_if<T>(&any_);
  }
  /// Null unless it is a string, a sequence …
  [[nodiscard]] const std::string* text() const { return target<Text>(); }
  [[nodiscard]] const Sequence* sequence() const { return target<std::shared_ptr<const Sequence>>(); }
  [[nodiscard]] const Dict* dict() const { return target<std::shared_ptr<const Dict>>(); }
  [[nodiscard]] Namespace* name_space() const { return target<std::shared_ptr<Namespace>>(); }
  [[nodiscard]] const Function* function() const { return target<std::shared_ptr<const Function>>(); }
  [[nodiscard]] Loop* loop() const { return target<std::shared_ptr<Loop>>(); }
  [[nodiscard]] bool is_undefined() const { return get<Undefined>() != nullptr; }
  [[nodiscard]] bool is_none() const { return get<None>() != nullptr; }
  [[nodiscard]] bool is_bool() const { return get<bool>() != nullptr; }
  /// An integer as Python counts: also True and False.
  [[nodiscard]] bool is_integer() const { return is_bool() || get<std::int64_t>() != nullptr; }
  [[nodiscard]] bool is_number() const { return is_integer() || get<double>() != nullptr; }

  /// Of integers, with True as 1. Throws Error(InvalidArgument) for others.
  [[nodiscard]] std::int64_t integer() const;
  /// Of numbers. Throws as integer() does.
  [[nodiscard]] double real() const;
  /// As Python's bool().
  [[nodiscard]] bool truth() const;
  /// Python's name of the type, for messages.
  [[nodiscard]] const char* type_name() const;
  /// Levels of containers, 0 for others.
  [[nodiscard]] int nesting() const;
  [[nodiscard]] const Any& any() const { return any_; }

 private:
  template <class Pointer>
  [[nodiscard]] auto target() const -> decltype(std::declval<Pointer>().get()) {
    const auto* pointer = get<Pointer>();
    return pointer == nullptr ? nullptr : pointer->get();
  }

  Any any_;
};

using Values = std::vector<Value>;

/// A list, a tuple, and what else Python iterates over.
struct Sequence {
  enum class Kind {
    List,
    Tuple,
    Range,     ///< range()
    View,      ///< of a dictionary: its keys(), values() or items(); has a length, but no subscripts
    Iterator,  ///< what lazy filters give: can be read once
  };
  Kind kind;
  Values items;
  std::string shown = {};  ///< how a Range prints, and what a View is called
  int nesting = 1;         ///< levels of containers
  enum class Read { Not, Partly, All };
  mutable Read read = Read::Not;  ///< how far an Iterator was read
};

/// Keys differ by Python's ==, and keep their order.
struct Dict {
  std::vector<std::pair<Value, Value>> entries;
  int nesting = 1;
};

/// namespace(): the one thing that templates may change.
struct Namespace {
  std::map<std::string, Value, std::less<>> fields;
};

/// What a call is given.
struct Arguments {
  Values positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Function {
  std::string name;
  std::function<Value(const Arguments&)> call;
  int nesting = 0;  ///< of what it is a method of
};

/// `loop` inside of {% for %}.
struct Loop {
  Values items;
  std::size_t index0 = 0;
  Values last_changed;
  bool was_changed = false;
};

/// Throw Error(Unsupported) if containers are nested too deeply.
Value make_sequence(Sequence::Kind kind, Values items, std::string shown = {});
Value make_list(Values items);
Value make_tuple(Values items);
Value make_iterator(Values items);
Value make_dict(std::vector<std::pair<Value, Value>> entries);
Value make_function(std::string name, std::function<Value(const Arguments&)> call, int nesting = 0);

/// Fails with the reason of an undefined value; does nothing for others.
void require_defined(const Value& value);

}  // namespace bsbr::jinja

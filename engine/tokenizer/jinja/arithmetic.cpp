#include "engine/tokenizer/jinja/arithmetic.h"

#include <cmath>

#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

[[noreturn]] void too_large() {
  unsupported("computes an integer beyond 64 bits");
}

[[noreturn]] void no_such_operation(const Value& a, std::string_view operation, const Value& b) {
  require_defined(a);
  require_defined(b);
  fail(cat("unsupported operand type(s) for ", operation, ": '", a.type_name(), "' and '", b.type_name(),
           "'"));
}

std::int64_t floor_quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) fail("integer division or modulo by zero");
  if (a == INT64_MIN && b == -1) too_large();
  const std::int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

std::int64_t floor_remainder(std::int64_t a, std::int64_t b) {
  if (b == 0) fail("integer division or modulo by zero");
  if (b == -1) return 0;
  const std::int64_t remainder = a % b;
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

Value integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fail("0.0 cannot be raised to a negative power");
    return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  }
  std::int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) too_large();
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) too_large();
  }
  return result;
}

Value integers(std::int64_t a, std::string_view operation, std::int64_t b) {
  std::int64_t result = 0;
  if (operation == "+") {
    if (__builtin_add_overflow(a, b, &result)) too_large();
  } else if (operation == "-") {
    if (__builtin_sub_overflow(a, b, &result)) too_large();
  } else if (operation == "*") {
    if (__builtin_mul_overflow(a, b, &result)) too_large();
  } else if (operation == "/") {
    if (b == 0) fail("division by zero");
    return static_cast<double>(a) / static_cast<double>(b);
  } else if (operation == "//") {
    return floor_quotient(a, b);
  } else if (operation == "%") {
    return floor_remainder(a, b);
  } else {
    return integer_power(a, b);
  }
  return result;
}

double real_remainder(double a, double b) {
  const double remainder = std::fmod(a, b);
  if (remainder == 0) return std::copysign(0.0, b);
  return (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

// As CPython's float_floor_div.
double real_floor_quotient(double a, double b) {
  const double quotient = (a - real_remainder(a, b)) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

Value reals(double a, std::string_view operation, double b) {
  if (operation == "+") return a + b;
  if (operation == "-") return a - b;
  if (operation == "*") return a * b;
  if (operation == "**") {
    const double power = std::pow(a, b);
    if (a < 0 && std::isnan(power)) unsupported("computes a complex number");
    if (a == 0 && b < 0) fail("0.0 cannot be raised to a negative power");
    if (std::isinf(power) && std::isfinite(a) && std::isfinite(b)) fail("numerical result out of range");
    return power;
  }
  if (b == 0) fail("division by zero");
  if (operation == "/") return a / b;
  return operation == "//" ? real_floor_quotient(a, b) : real_remainder(a, b);
}

Value repeat(Budget& budget, const Value& value, std::int64_t times) {
  const std::uint64_t count = times < 0 ? 0 : static_cast<std::uint64_t>(times);
  if (const std::string* text = value.text()) {
    budget.bytes(count, text->size());
    std::string out;
    if (text->empty()) return out;
    for (std::uint64_t i = 0; i < count; ++i) out += *text;
    return out;
  }
  const Sequence& sequence = *value.sequence();
  budget.bytes(count, kBytesPerWork * sequence.items.size());
  Values items;
  if (sequence.items.empty()) return make_sequence(sequence.kind, {});
  for (std::uint64_t i = 0; i < count; ++i) {
    items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  }
  return make_sequence(sequence.kind, std::move(items));
}

bool is_list_or_tuple(const Value& value) {
  const Sequence* sequence = value.sequence();
  return sequence != nullptr &&
         (sequence->kind == Sequence::Kind::List || sequence->kind == Sequence::Kind::Tuple);
}

Value add(Budget& budget, const Value& a, const Value& b) {
  if (a.text() != nullptr && b.text() != nullptr) {
    budget.bytes(a.text()->size() + b.text()->size());
    return *a.text() + *b.text();
  }
  if (!is_list_or_tuple(a) || !is_list_or_tuple(b) || a.sequence()->kind != b.sequence()->kind) {
    no_such_operation(a, "+", b);
  }
  Values items = a.sequence()->items;
  budget.work(items.size() + b.sequence()->items.size());
  items.insert(items.end(), b.sequence()->items.begin(), b.sequence()->items.end());
  return make_sequence(a.sequence()->kind, std::move(items));
}

}  // namespace

Value arithmetic(Budget& budget, const Value& a, std::string_view operation, const Value& b) {
  if (a.is_integer() && b.is_integer()) return integers(a.integer(), operation, b.integer());
  if (a.is_number() && b.is_number()) return reals(a.real(), operation, b.real());
  if (operation == "+") return add(budget, a, b);
  if (operation == "%" && a.text() != nullptr) return percent_format(budget, *a.text(), b);
  if (operation == "*" && (a.text() != nullptr || is_list_or_tuple(a)) && b.is_integer()) {
    return repeat(budget, a, b.integer());
  }
  if (operation == "*" && (b.text() != nullptr || is_list_or_tuple(b)) && a.is_integer()) {
    return repeat(budget, b, a.integer());
  }
  no_such_operation(a, operation, b);
}

Value negative(const Value& value) {
  if (const auto* real = value.get<double>()) return -*real;
  require_defined(value);
  if (!value.is_integer()) fail(cat("bad operand type for unary -: '", value.type_name(), "'"));
  return integers(0, "-", value.integer());
}

}  // namespace bsbr::jinja

#include "engine/checkpoint/pickle.h"

#include <bit>
#include <string>

#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

constexpr std::size_t kMaxOpcodes = 4'000'000;
constexpr int kOldest = 2;
constexpr int kNewest = 5;

enum Opcode : std::uint8_t {
  kProto = 0x80,
  kStop = '.',
  kFrame = 0x95,
  kMark = '(',
  kPop = '0',
  kPopMark = '1',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8A,
  kLong4 = 0x8B,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8C,
  kBinUnicode8 = 0x8D,
  kBinString = 'T',  // str of Python 2
  kShortBinString = 'U',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kBinBytes8 = 0x8E,
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kBinGet = 'h',
  kLongBinGet = 'j',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kNewObj = 0x81,
  kBuild = 'b',
  kBinPersId = 'Q'
};

/// Opcodes of the format that are refused, for messages.
std::string refused_opcode(std::uint8_t opcode) {
  struct Row {
    std::uint8_t opcode;
    std::string_view name;
  };
  static constexpr Row kRows[]{{'i', "INST"},
                               {'o', "OBJ"},
                               {'P', "PERSID"},
                               {'I', "INT"},
                               {'L', "LONG"},
                               {'F', "FLOAT"},
                               {'S', "STRING"},
                               {'V', "UNICODE"},
                               {'d', "DICT"},
                               {'l', "LIST"},
                               {'p', "PUT"},
                               {'g', "GET"},
                               {'2', "DUP"},
                               {0x82, "EXT1"},
                               {0x83, "EXT2"},
                               {0x84, "EXT4"},
                               {0x8F, "EMPTY_SET"},
                               {0x90, "ADDITEMS"},
                               {0x91, "FROZENSET"},
                               {0x92, "NEWOBJ_EX"},
                               {0x96, "BYTEARRAY8"},
                               {0x97, "NEXT_BUFFER"},
                               {0x98, "READONLY_BUFFER"}};
  for (const Row& row : kRows) {
    if (row.opcode == opcode) {
      return cat("pickle opcode ", row.name, ", which a checkpoint has no need of, is refused");
    }
  }
  return cat("byte ", int{opcode}, " is no pickle opcode; the file is damaged");
}

class Machine {
 public:
  Machine(PickleStream& stream, TorchObjects& objects) : stream_(stream), objects_(objects) {}

  PickleValue run();

 private:
  bool run_constant(std::uint8_t opcode);
  bool run_container(std::uint8_t opcode);
  bool run_memo(std::uint8_t opcode);
  bool run_object(std::uint8_t opcode);

  [[noreturn]] void fail(const std::string& what, ErrorKind kind = ErrorKind::InvalidFile) const {
    stream_.fail(at_, what, kind);
  }
  void push(PickleValue value) { stack_.push_back(value); }
  /// The lowest place of the stack that may be taken: nothing below the last mark.
  [[nodiscard]] std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue& top() {
    if (stack_.size() <= floor()) fail("the pickle takes more values than it made");
    return stack_.back();
  }
  PickleValue pop() {
    const PickleValue value = top();
    stack_.pop_back();
    return value;
  }
  /// The values above the last mark, to be dropped with drop().
  std::span<const PickleValue> above_mark() {
    if (marks_.empty()) fail("the pickle has no mark where one is needed");
    return std::span(stack_).subspan(marks_.back());
  }
  void drop() {
    stack_.resize(marks_.back());
    marks_.pop_back();
  }
  void push_text(PickleKind kind, std::uint64_t size) {
    const std::size_t begin = stream_.position();
    stream_.take(size);
    if (size > 0xFFFFFFFF) fail(cat("a text of ", size, " bytes"));
    push({kind, static_cast<std::uint32_t>(size), static_cast<std::int64_t>(begin)});
  }
  void push_long(std::uint64_t size);
  void push_tuple(std::size_t count);
  void append(std::span<const PickleValue> values, PickleValue list);
  void set_items(std::span<const PickleValue> values, PickleValue dict);
  void put(std::uint64_t index);
  void get(std::uint64_t index);
  void global();

  PickleStream& stream_;
  TorchObjects& objects_;
  std::vector<PickleValue> stack_;
  std::vector<std::size_t> marks_;
  std::vector<PickleValue> memo_;
  std::vector<bool> remembered_;
  std::size_t memorised_ = 0;  // how often something was put into the memo
  std::size_t count_ = 0;
  std::size_t at_ = 0;
};

/// Two's complement, little-endian.
void Machine::push_long(std::uint64_t size) {
  if (size > sizeof(std::int64_t)) return push_text(PickleKind::Long, size);
  const std::string_view bytes = stream_.take(size);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  }
  if (size > 0 && size < 8 && (bytes.back() & 0x80) != 0) value |= ~std::uint64_t{0} << (8 * size);
  push({PickleKind::Int, 0, static_cast<std::int64_t>(value)});
}

bool Machine::run_constant(std::uint8_t opcode) {
  switch (opcode) {
    case kNone:
      push({});
      return true;
    case kNewTrue:
    case kNewFalse:
      push({PickleKind::Bool, 0, opcode == kNewTrue});
      return true;
    case kBinInt:
      push({PickleKind::Int, 0, stream_.number<std::int32_t>()});
      return true;
    case kBinInt1:
      push({PickleKind::Int, 0, stream_.number<std::uint8_t>()});
      return true;
    case kBinInt2:
      push({PickleKind::Int, 0, stream_.number<std::uint16_t>()});
      return true;
    case kLong1:
      push_long(stream_.number<std::uint8_t>());
      return true;
    case kLong4:
      push_long(stream_.number<std::uint32_t>());
      return true;
    case kBinFloat:
      stream_.take(8);
      push({PickleKind::Float});
      return true;
    case kShortBinUnicode:
    case kShortBinString:
      push_text(PickleKind::Text, stream_.number<std::uint8_t>());
      return true;
    case kBinUnicode:
    case kBinString:
      push_text(PickleKind::Text, stream_.number<std::uint32_t>());
      return true;
    case kBinUnicode8:
      push_text(PickleKind::Text, stream_.number<std::uint64_t>());
      return true;
    case kShortBinBytes:
      push_text(PickleKind::Bytes, stream_.number<std::uint8_t>());
      return true;
    case kBinBytes:
      push_text(PickleKind::Bytes, stream_.number<std::uint32_t>());
      return true;
    case kBinBytes8:
      push_text(PickleKind::Bytes, stream_.number<std::uint64_t>());
      return true;
    default:
      return false;
  }
}

void Machine::push_tuple(std::size_t count) {
  if (stack_.size() - floor() < count) fail("the pickle takes more values than it made");
  const PickleValue tuple = objects_.heap().tuple(std::span(stack_).last(count));
  stack_.resize(stack_.size() - count);
  push(tuple);
}

void Machine::append(std::span<const PickleValue> values, PickleValue list) {
  if (list.kind != PickleKind::List) fail(cat("appends to ", name_of(list.kind)));
  auto& elements = objects_.heap().elements(list);
  elements.insert(elements.end(), values.begin(), values.end());
}

void Machine::set_items(std::span<const PickleValue> values, PickleValue dict) {
  if (dict.kind != PickleKind::Dict) fail(cat("sets items of ", name_of(dict.kind)));
  if (values.size() % 2 != 0) fail("a key of a dictionary has no value");
  auto& pairs = objects_.heap().pairs(dict);
  for (std::size_t i = 0; i < values.size(); i += 2) pairs.emplace_back(values[i], values[i + 1]);
}

bool Machine::run_container(std::uint8_t opcode) {
  switch (opcode) {
    case kEmptyTuple:
      push_tuple(0);
      return true;
    case kTuple1:
    case kTuple2:
    case kTuple3:
      push_tuple(opcode - kTuple1 + 1U);
      return true;
    case kTuple: {
      const PickleValue tuple = objects_.heap().tuple(above_mark());
      drop();
      push(tuple);
      return true;
    }
    case kEmptyList:
      push(objects_.heap().list());
      return true;
    case kEmptyDict:
      push(objects_.heap().dict());
      return true;
    case kAppend: {
      const PickleValue value = pop();
      append({&value, 1}, top());
      return true;
    }
    case kSetItem: {
      PickleValue pair[2];
      pair[1] = pop();
      pair[0] = pop();
      set_items(pair, top());
      return true;
    }
    case kAppends:
    case kSetItems: {
      const auto values = above_mark();
      const std::size_t begin = marks_.back();
      const std::size_t outer = marks_.size() < 2 ? 0 : marks_[marks_.size() - 2];
      if (begin <= outer) fail("the pickle takes more values than it made");
      opcode == kAppends ? append(values, stack_[begin - 1]) : set_items(values, stack_[begin - 1]);
      drop();
      return true;
    }
    default:
      return false;
  }
}

void Machine::put(std::uint64_t index) {
  // Picklers count from 0 or 1 on; an index beyond that would only cost memory.
  if (index > ++memorised_) fail(cat("memo entry ", index, " is made as number ", memorised_));
  if (index >= memo_.size()) {
    memo_.resize(static_cast<std::size_t>(index) + 1);
    remembered_.resize(memo_.size());
  }
  memo_[static_cast<std::size_t>(index)] = top();
  remembered_[static_cast<std::size_t>(index)] = true;
}

void Machine::get(std::uint64_t index) {
  if (index >= memo_.size() || !remembered_[static_cast<std::size_t>(index)]) {
    fail(cat("memo entry ", index, " was never made"));
  }
  push(memo_[static_cast<std::size_t>(index)]);
}

bool Machine::run_memo(std::uint8_t opcode) {
  switch (opcode) {
    case kBinPut:
      put(stream_.number<std::uint8_t>());
      return true;
    case kLongBinPut:
      put(stream_.number<std::uint32_t>());
      return true;
    case kMemoize:
      put(memorised_);
      return true;
    case kBinGet:
      get(stream_.number<std::uint8_t>());
      return true;
    case kLongBinGet:
      get(stream_.number<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

void Machine::global() {
  const PickleValue name = pop();
  const PickleValue module = pop();
  if (name.kind != PickleKind::Text || module.kind != PickleKind::Text) {
    fail(cat("a name of Python's is made of ", name_of(module.kind), " and ", name_of(name.kind)));
  }
  push(objects_.global(objects_.text(module), objects_.text(name), at_));
}

bool Machine::run_object(std::uint8_t opcode) {
  switch (opcode) {
    case kGlobal: {
      const std::string_view module = stream_.line();
      push(objects_.global(module, stream_.line(), at_));
      return true;
    }
    case kStackGlobal:
      global();
      return true;
    case kReduce:
    case kNewObj: {
      const PickleValue arguments = pop();
      const PickleValue function = pop();
      if (opcode == kNewObj && function.kind == PickleKind::Global &&
          torch_global(function.index).role != TorchRole::OrderedDict) {
        const TorchGlobal& global = torch_global(function.index);
        fail(cat("makes an object of ", global.module, '.', global.name, " without its function"),
             ErrorKind::Unsupported);
      }
      push(objects_.call(function, arguments, at_));
      return true;
    }
    case kBuild: {
      const PickleValue state = pop();
      objects_.set_state(top(), state, at_);
      return true;
    }
    case kBinPersId:
      push(objects_.persistent(pop(), at_));
      return true;
    default:
      return false;
  }
}

PickleValue Machine::run() {
  at_ = stream_.position();
  if (stream_.number<std::uint8_t>() != kProto) fail("no pickle of protocol 2 to 5 begins here");
  if (const int protocol = stream_.number<std::uint8_t>(); protocol < kOldest || protocol > kNewest) {
    fail(cat("the pickle's protocol is ", protocol, "; 2 to 5 can be read"), ErrorKind::Unsupported);
  }
  while (true) {
    at_ = stream_.position();
    if (++count_ > kMaxOpcodes) {
      fail(cat("the pickle has more than ", kMaxOpcodes, " opcodes; no checkpoint needs so many"));
    }
    const auto opcode = stream_.number<std::uint8_t>();
    if (run_constant(opcode) || run_container(opcode) || run_memo(opcode) || run_object(opcode)) continue;
    switch (opcode) {
      case kStop:
        return pop();
      case kMark:
        marks_.push_back(stack_.size());
        break;
      case kPop:
        pop();
        break;
      case kPopMark:
        (void)above_mark();
        drop();
        break;
      case kFrame:
        if (const auto size = stream_.number<std::uint64_t>(); size > stream_.left()) {
          fail(cat("a frame of ", size, " bytes, but only ", stream_.left(), " follow"));
        }
        break;
      default:
        fail(refused_opcode(opcode), ErrorKind::Unsupported);
    }
  }
}

}  // namespace

PickleValue run_pickle(PickleStream& stream, TorchObjects& objects) {
  return Machine(stream, objects).run();
}

}  // namespace bsbr

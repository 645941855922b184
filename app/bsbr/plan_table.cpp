#include "app/bsbr/plan_table.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "app/bsbr/terminal.h"

namespace bsbr::cli {
namespace {

constexpr std::size_t kLayer = 7, kCell = 4;

/// What a head reads exactly: "#" all, "k" a fixed number, "7" what exceeds 2^-7; else nothing.
std::string exact_part(const HeadPlan& head, std::int64_t context) {
  if (head.retrieve == 0) return "";
  if (head.threshold > 0) return cat(std::lround(-std::log2(head.threshold)));
  return head.retrieve >= context ? "#" : "k";
}

/// Two characters at least: the second says that the rest is dropped.
std::string cell(const HeadPlan& head, std::int64_t context) {
  const std::string exact = exact_part(head, context);
  if (exact.empty()) return head.states ? "~ " : ". ";
  return exact + (head.states || exact == "#" ? " " : "-");
}

}  // namespace

void print_plan(std::ostream& out, const BsbrConfig& config, std::int64_t context) {
  std::size_t heads = 0;
  for (const std::vector<HeadPlan>& layer : config.plan) heads = std::max(heads, layer.size());
  out << right("layer", kLayer);
  for (std::size_t head = 0; head < heads; ++head)
    out << right(head == 0 ? "head 0" : cat(head), head == 0 ? kCell + 3 : kCell);
  out << '\n';
  std::set<char> shown;
  for (std::size_t layer = 0; layer < config.plan.size(); ++layer) {
    std::string row = right(cat(layer), kLayer) + "    ";
    for (const HeadPlan& head : config.plan[layer]) {
      const std::string text = cell(head, context);
      shown.insert(text.begin(), text.end());
      row += right(text, kCell);
    }
    out << row.substr(0, row.find_last_not_of(' ') + 1) << '\n';
  }
  const auto explain = [&](char mark, const char* words) {
    if (shown.count(mark) > 0) out << "    " << mark << "  " << words << '\n';
  };
  out << "    7  far blocks are read exactly where their states would be wrong by more than 2^-7\n";
  explain('k', "a fixed number of far tokens is read exactly");
  explain('-', "the rest is dropped; else it is read through condensed states");
  explain('~', "only condensed states");
  explain('.', "nothing far");
  explain('#', "everything");
}

}  // namespace bsbr::cli

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <filesystem>
#include <memory>
#include <ostream>

#include "app/bsbr/commands.h"
#include "app/bsbr/settings.h"
#include "app/bsbr/terminal.h"
#include "engine/checkpoint/safetensors.h"

namespace bsbr::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> integers(const SafetensorsFile& file, const TensorView& view) {
  std::vector<std::int64_t> values(view.bytes.size() / size_of(view.dtype));
  if (view.dtype == Dtype::I64) {
    std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
  } else if (view.dtype == Dtype::I32) {
    std::vector<std::int32_t> narrow(values.size());
    std::memcpy(narrow.data(), view.bytes.data(), view.bytes.size());
    values.assign(narrow.begin(), narrow.end());
  } else {
    throw Error(ErrorKind::InvalidFile, cat(file.path().string(), ": ", view.name, " is ",
                                            to_string(view.dtype), ", I64 or I32 is expected"));
  }
  return values;
}

TokenBatch read_batch(const std::string& path) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  const TensorView* ids = file.find("input_ids");
  const TensorView* mask = file.find("attention_mask");
  if (ids == nullptr || ids->shape.size() != 2) {
    throw Error(ErrorKind::InvalidFile,
                cat(path, ": a tensor input_ids of shape [rows, columns] is expected"));
  }
  if (ids->bytes.empty()) {
    throw Error(ErrorKind::InvalidFile, cat(path, ": input_ids is of shape [", ids->shape[0], ", ",
                                            ids->shape[1], "] and holds no token"));
  }
  if (mask != nullptr && mask->shape != ids->shape) {
    throw Error(ErrorKind::InvalidFile, cat(path, ": attention_mask and input_ids differ in shape"));
  }
  TokenBatch batch{ids->shape[0], ids->shape[1], integers(file, *ids), {}};
  if (mask != nullptr) batch.mask = integers(file, *mask);
  return batch;
}

struct Logits {
  explicit Logits(Terminal& to) : terminal(to) {}

  Terminal& terminal;
  Common common;
  std::string dtype = "float32";
  std::string checkpoint, input, output;
  bool hidden = false;

  void run() const {
    common.apply();
    const TokenBatch batch = read_batch(input);
    const LanguageModel model =
        load_model(terminal, open_checkpoint(terminal, checkpoint), common.device, dtype);
    std::vector<std::pair<std::string, std::vector<float>>> tensors;
    {
      ProgressLine progress(terminal);
      HiddenSink sink;
      if (hidden) {
        sink = [&](std::int64_t index, const std::vector<float>& values) {
          tensors.emplace_back(cat("hidden_", index), values);
        };
      }
      std::vector<float> logits = run_model(model, batch, sink, progress.job());
      tensors.emplace_back("logits", std::move(logits));
    }
    write(batch, tensors);
    if (common.json) {
      return terminal.print_json({{"output", output},
                                  {"rows", batch.rows},
                                  {"columns", batch.columns},
                                  {"tensors", tensors.size()}});
    }
    terminal.out << output << ": logits of " << batch.rows << " x " << batch.columns << " tokens\n";
  }

  /// Errors about the batch name the file that it comes from.
  [[nodiscard]] std::vector<float> run_model(const LanguageModel& model, const TokenBatch& batch,
                                             const HiddenSink& sink, const Job& job) const {
    try {
      return model.logits(batch, sink, job);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::InvalidArgument) throw;
      throw Error(error.kind(), cat(input, ": ", error.what()));
    }
  }

  /// Beside the output first, so that it is whole or not there.
  void write(const TokenBatch& batch,
             const std::vector<std::pair<std::string, std::vector<float>>>& tensors) const {
    std::vector<TensorView> views;
    const std::int64_t cells = batch.rows * batch.columns;
    for (const auto& [name, values] : tensors) {
      const std::int64_t width = cells == 0 ? 0 : static_cast<std::int64_t>(values.size()) / cells;
      views.push_back(
          {name, Dtype::F32, {batch.rows, batch.columns, width}, std::as_bytes(std::span(values))});
    }
    const fs::path staged = cat(output, ".part-", ::getpid());
    write_safetensors(staged, views, {}, terminal.job());
    std::error_code error;
    fs::rename(staged, output, error);
    if (error) {
      std::error_code ignored;
      fs::remove(staged, ignored);
      throw Error(ErrorKind::Io, cat(output, ": cannot be written: ", error.message()));
    }
  }
};

}  // namespace

void add_logits(CommandLine& line, Terminal& terminal) {
  auto logits = std::make_shared<Logits>(terminal);
  const Command command = line.add("logits", "Run token ids through a model and write its logits");
  command.option("CKPT", logits->checkpoint, kCheckpointHelp).required();
  command
      .option("--input", logits->input, "safetensors with input_ids [B, N], attention_mask [B, N] (optional)")
      .required();
  command.option("--output", logits->output, "safetensors to write: logits [B, N, vocabulary]").required();
  command.flag("--hidden", logits->hidden, "Also write hidden_0 to hidden_L [B, N, width]");
  logits->common.add_to(command);
  add_dtype_option(command, logits->dtype);
  command.action([logits] { logits->run(); });
}

}  // namespace bsbr::cli

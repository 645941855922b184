#pragma once

#include <CLI/CLI.hpp>

/// Each adds one command with its options and what it does. A command throws bsbr::Error.
namespace bsbr::cli {

void add_info(CLI::App& app);
void add_convert(CLI::App& app);
void add_compare(CLI::App& app);
void add_fidelity(CLI::App& app);
void add_sweep(CLI::App& app);
void add_bench(CLI::App& app);
void add_generate(CLI::App& app);
void add_tokenize(CLI::App& app);
void add_logits(CLI::App& app);
void add_cache(CLI::App& app);
void add_doctor(CLI::App& app);
void add_convert_example(CLI::App& app);

}  // namespace bsbr::cli

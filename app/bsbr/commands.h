#pragma once

#include "app/bsbr/options.h"

/// Each adds one command with its options and what it does. A command throws bsbr::Error.
namespace bsbr::cli {

class Terminal;

void add_info(CommandLine& line, Terminal& terminal);
void add_convert(CommandLine& line, Terminal& terminal);
void add_compare(CommandLine& line, Terminal& terminal);
void add_fidelity(CommandLine& line, Terminal& terminal);
void add_sweep(CommandLine& line, Terminal& terminal);
void add_bench(CommandLine& line, Terminal& terminal);
void add_generate(CommandLine& line, Terminal& terminal);
void add_tokenize(CommandLine& line, Terminal& terminal);
void add_logits(CommandLine& line, Terminal& terminal);
void add_cache(CommandLine& line, Terminal& terminal);
void add_doctor(CommandLine& line, Terminal& terminal);
void add_convert_example(CommandLine& line, Terminal& terminal);

}  // namespace bsbr::cli

#include "engine/tokenizer/chat_template.h"

// A task's settings as a server's options.
#pragma once
#include "config/task.h"
#include "infer/server/options.h"

namespace swift::infer::server {

// What the settings of the group "Server" say, with the keys of api_key, api_key_file and the environment's
// SWIFT_API_KEY (several are separated by blanks or commas). sampling, chat_template_source, compile_grammar
// and version are left to the caller. Throws base::Error(usage).
ServerOptions options_of(const config::Task& task);

}  // namespace swift::infer::server

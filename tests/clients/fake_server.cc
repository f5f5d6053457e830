// A server over the scripted engine for the clients' tests. Prints its port, serves until it gets SIGTERM.
// usage: fake_server [QUEUE_LIMIT [API_KEY [CERTIFICATE KEY]]]
#include <cstdlib>
#include <iostream>

#include "../infer/scripted_answers.h"
#include "infer/server/constraint_compiler.h"
#include "infer/server/server.h"

int main(int argc, char** argv) {
  using namespace swift::infer;
  const auto tokenizer = fake::byte_tokenizer();
  const PromptBuilder prompts(tokenizer, fake::server_template());
  fake::ScriptedService service(fake::scripted, argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000);
  server::ServerOptions options;
  options.http.host = "127.0.0.1";
  options.http.port = 0;
  options.served_model_names = {"tiny"};
  options.compile_grammar = server::grammar_compiler(tokenizer);
  if (argc > 2) options.api_keys = {argv[2]};
  if (argc > 4) options.http.ssl_certfile = argv[3], options.http.ssl_keyfile = argv[4];
  return server::serve(options, service, tokenizer, prompts, fake::server_template(),
                       [](uint16_t port) { std::cout << port << std::endl; });
}

#include "k8sgen/secret_scan.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "config/serialize.h"

namespace swift::k8sgen {
namespace {

using base::Json;

// Words of a key: "HF_TOKEN", "apiKey" and "api-key" as {"hf","token"}, {"api","key"} twice.
std::vector<std::string> words(std::string_view key) {
  std::vector<std::string> found(1);
  for (size_t i = 0; i < key.size(); ++i) {
    const auto c = static_cast<unsigned char>(key[i]);
    const bool hump =
        i > 0 && std::isupper(c) != 0 && std::islower(static_cast<unsigned char>(key[i - 1])) != 0;
    if (std::isalnum(c) == 0 || hump) found.emplace_back();
    if (std::isalnum(c) != 0) found.back() += static_cast<char>(std::tolower(c));
  }
  std::erase(found, "");
  return found;
}

// Plural "tokens" counts tokens of text and is no secret.
bool secret_key(std::string_view key) {
  static constexpr std::array<std::string_view, 8> kWords = {
      "password", "passwd", "token", "secret", "apikey", "credential", "credentials", "passphrase"};
  static constexpr std::array<std::string_view, 6> kBeforeKey = {"api",    "access", "private",
                                                                 "secret", "auth",   "encryption"};
  const auto parts = words(key);
  const auto any = [](const auto& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  };
  for (size_t i = 0; i < parts.size(); ++i) {
    if (any(kWords, parts[i])) return true;
    if (i + 1 < parts.size() && parts[i + 1] == "key" && any(kBeforeKey, parts[i])) return true;
  }
  return false;
}

// A path or a file is where a secret lies, not the secret; a switch or a number is none either.
bool plain_value(const std::string& value) {
  if (value.empty() || value.front() == '/' || value == "true" || value == "false") return true;
  return std::all_of(value.begin(), value.end(), [](unsigned char c) { return std::isdigit(c) != 0; }) &&
         value.size() < 6;
}

bool follows(const std::string& text, size_t at, size_t least) {
  size_t length = 0;
  while (at + length < text.size() && (std::isalnum(static_cast<unsigned char>(text[at + length])) != 0 ||
                                       text[at + length] == '-' || text[at + length] == '_'))
    ++length;
  return length >= least;
}

// Beginnings of well-known keys, and how many characters at least follow.
bool secret_form(const std::string& value) {
  struct Form {
    std::string_view begin;
    size_t least;
  };
  static constexpr std::array<Form, 12> kForms = {{{"hf_", 20},
                                                   {"sk-", 20},
                                                   {"ghp_", 20},
                                                   {"gho_", 20},
                                                   {"github_pat_", 20},
                                                   {"glpat-", 16},
                                                   {"xoxb-", 10},
                                                   {"xoxp-", 10},
                                                   {"AKIA", 16},
                                                   {"ASIA", 16},
                                                   {"AIza", 30},
                                                   {"eyJ", 40}}};
  for (const Form& form : kForms) {
    for (size_t at = value.find(form.begin); at != std::string::npos; at = value.find(form.begin, at + 1)) {
      const bool starts = at == 0 || std::isalnum(static_cast<unsigned char>(value[at - 1])) == 0;
      if (starts && follows(value, at + form.begin.size(), form.least)) return true;
    }
  }
  if (value.find("-----BEGIN") != std::string::npos && value.find("PRIVATE KEY") != std::string::npos)
    return true;
  // scheme://user:password@host
  const size_t scheme = value.find("://");
  if (scheme == std::string::npos) return false;
  const size_t end = std::min(value.find('/', scheme + 3), value.size());
  const size_t at = value.find('@', scheme + 3);
  const size_t colon = value.find(':', scheme + 3);
  return at != std::string::npos && at < end && colon != std::string::npos && colon + 1 < at;
}

class Scanner {
 public:
  Scanner(const config::Task& task, config::Report& report) : task_(task), report_(report) {}

  void scan(const Json& value, const std::string& key, const std::string& pointer) {
    if (value.is_object()) {
      for (const auto& [inner, item] : value.items())
        scan(item, inner, pointer + "/" + config::pointer_part(inner));
    } else if (value.is_array()) {
      for (size_t i = 0; i < value.size(); ++i) scan(value[i], key, pointer + "/" + std::to_string(i));
    } else if (value.is_string()) {
      text(value.get<std::string>(), key, pointer);
    } else if (value.is_number()) {
      text(value.dump(), key, pointer);
    }
  }

 private:
  void text(const std::string& value, const std::string& key, const std::string& pointer) {
    const bool by_key = secret_key(key) && !reference(pointer) && !plain_value(value);
    if (!by_key && !secret_form(value) && !assignment(value)) return;
    std::string shown = pointer.substr(1);
    std::replace(shown.begin(), shown.end(), '/', '.');
    report_.add(
        {config::origin_of_setting(task_, pointer), 1,
         "'" + shown +
             "' looks like a secret, and a task file must not hold one\n  hint: kubectl create "
             "secret generic NAME --from-literal=KEY=…, then deploy.secrets: [{name: NAME, key: KEY, env: " +
             (key.empty() ? std::string("VARIABLE") : key) + "}]"});
  }

  // "--api-key=abc" among backend_args, or "TOKEN=abc".
  static bool assignment(const std::string& value) {
    const size_t equals = value.find('=');
    return equals != std::string::npos && equals < 64 && secret_key(value.substr(0, equals)) &&
           !plain_value(value.substr(equals + 1)) && value.find(' ') == std::string::npos;
  }

  // Settings whose value is the name of a Secret or of a key in it.
  static bool reference(const std::string& pointer) {
    for (const char* prefix :
         {"/deploy/secrets/", "/deploy/image_pull_secrets", "/deploy/ingress/tls_secret"}) {
      if (pointer.compare(0, std::string_view(prefix).size(), prefix) == 0) return true;
    }
    return false;
  }

  const config::Task& task_;
  config::Report& report_;
};

}  // namespace

void refuse_secrets(const config::Task& task, config::Report& report) {
  Scanner scanner(task, report);
  const Json whole = config::to_json(task);
  for (const auto& [key, value] : whole.items()) {
    if (key == "deploy" || task.is_set(key)) scanner.scan(value, key, "/" + config::pointer_part(key));
  }
}

}  // namespace swift::k8sgen

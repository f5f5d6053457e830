// Secrets do not belong into a task file: what is in it ends up in a ConfigMap and in kubectl's annotations.
#pragma once
#include "config/deploy.h"

namespace swift::k8sgen {

// Adds a fault, with how to make the Secret, for every value that looks like one: by its key (password,
// token, api_key …) or by its form (hf_…, sk-…, a private key, a URL with a password). References under
// deploy.secrets, image_pull_secrets and tls_secret are names and stay. The value itself is never shown.
void refuse_secrets(const config::Task& task, config::Report& report);

}  // namespace swift::k8sgen

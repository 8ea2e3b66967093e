// SPDX-License-Identifier: MIT
#include "checks.h"
#include "commands.h"
#include "error.h"
#include "output.h"
#include "printable.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace slicepatch::tool {

namespace {

void print_text(const Diagnosis &diagnosis)
{
    std::size_t width = 0;
    for (const Check &check : diagnosis.checks)
        width = std::max(width, check.name.size());
    for (const Check &check : diagnosis.checks)
        print("{:<{}}  {:<7}  {}\n", check.name, width, check.verdict, printable(check.detail));
    print("\nguarantee: {}\nreason:    {}\nnext:      {}\n", diagnosis.guarantee, printable(diagnosis.reason),
          printable(diagnosis.next));
}

} // namespace

int why(const WhyOptions &options)
{
    const Diagnosis diagnosis = options.pid ? diagnose_process(options.pid) : diagnose_here();
    if (!options.json) {
        print_text(diagnosis);
        return exit_ok;
    }
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const Check &check : diagnosis.checks)
        checks.push_back({{"name", check.name}, {"verdict", check.verdict}, {"detail", check.detail}});
    print("{}\n", json_text({{"guarantee", diagnosis.guarantee},
                             {"reason", diagnosis.reason},
                             {"next", diagnosis.next},
                             {"checks", checks}}));
    return exit_ok;
}

} // namespace slicepatch::tool

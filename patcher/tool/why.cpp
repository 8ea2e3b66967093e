// SPDX-License-Identifier: MIT
#include "checks.h"
#include "command.h"
#include "error.h"
#include "output.h"
#include "printable.h"
#include "subject.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace slicepatch::tool {

namespace {

struct Why {
    pid_t pid = 0;
    bool json = false;

    int run() const;
};

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

int Why::run() const
{
    const Diagnosis diagnosis = pid ? diagnose_process(pid) : diagnose_here();
    if (!json) {
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

} // namespace

Run add_why(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("why", "Say which guarantee there is, why, and how to raise it");
    const auto why = std::make_shared<Why>();
    add_pid_option(*command, why->pid, "a running process: what can be seen of it from outside");
    command->add_flag("--json", why->json, "print JSON: {\"guarantee\", \"reason\", \"next\", \"checks\": [...]}");
    command->footer(
        "Verdicts: ok; bad: lowers the guarantee; note: has a price or a substitute; unknown: not to be seen.\n"
        "Example: slicepatch why --pid $(pidof wordcount)\n"
        "Exit status: 0 it was found out, whatever the answer; 2 the process cannot be read; 3 it changed "
        "while it was read.");
    return [why] { return why->run(); };
}

} // namespace slicepatch::tool

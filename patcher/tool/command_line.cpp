// SPDX-License-Identifier: MIT
//
// The whole command line of the program: every subcommand, its options, its help text and an example. What the parser's
// header costs to compile is paid here and in program.cpp alone.
#include "command_line.h"
#include "commands.h"
#include "numbers.h"

#include <limits>
#include <map>
#include <memory>
#include <string>

namespace slicepatch::tool {

namespace {

constexpr unsigned longest_time_us = 1'000'000'000; // what sim_run() takes

CLI::Option *add_pid_option(CLI::App &command, pid_t &pid, const std::string &description)
{
    return command.add_option("--pid", pid, description)->check(numbers(1, std::numeric_limits<pid_t>::max()));
}

/// FILE... and --pid, of which there must be exactly one.
void add_subject(CLI::App &command, Subject &subject)
{
    auto *files = command.add_option("FILE", subject.files, "ELF executables and shared objects");
    add_pid_option(command, subject.pid, "a running process instead of files")->excludes(files);
}

} // namespace

Run add_why(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("why", "Say which guarantee there is, why, and how to raise it");
    const auto options = std::make_shared<WhyOptions>();
    add_pid_option(*command, options->pid, "a running process: what can be seen of it from outside");
    command->add_flag("--json", options->json, "print JSON: {\"guarantee\", \"reason\", \"next\", \"checks\": [...]}");
    command->footer(
        "Verdicts: ok; bad: lowers the guarantee; note: has a price or a substitute; unknown: not to be seen.\n"
        "Example: slicepatch why --pid $(pidof wordcount)\n"
        "Exit status: 0 it was found out, whatever the answer; 2 the process cannot be read; 3 it changed "
        "while it was read.");
    return [options] { return why(*options); };
}

Run add_dump(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("dump", "List the sites of files or of a running process");
    const auto options = std::make_shared<DumpOptions>();
    add_subject(*command, options->subject);
    command->add_flag("--diff", options->subject.diff, "with --pid: the bytes on disk beside those in memory");
    command->add_option("--label", options->label, "only sites whose label (else: function) matches this glob");
    command->add_flag("--json", options->json, "print JSON: {\"sites\": [...]}");
    command->footer(
        "Example: slicepatch dump --pid $(pidof wordcount) --diff\n"
        "Exit status: 0 all was read, 2 something could not be read (stderr says what; the rest is listed), 3 "
        "the process\nchanged while it was read.");
    return [options] { return dump(*options); };
}

Run add_verify(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("verify", "Check the sites of files or of a running process");
    const auto options = std::make_shared<VerifyOptions>();
    add_subject(*command, options->subject);
    command->add_flag("--json", options->json,
                      "print JSON: {\"sites\": [...], \"findings\": [...], \"without_sites\": [names of files]}");
    command->footer("Example: slicepatch verify build/bin/wordcount && echo fit to be installed\n"
                    "Exit status: 0 every site is right, 1 at least one is not (stdout names it), 2 something could "
                    "not be read,\n3 the process changed while it was read, so that nothing can be said.");
    return [options] { return verify(*options); };
}

Run add_sim(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("sim", "Run an unmodified program against a simulated kernel");
    const auto options = std::make_shared<SimCommand>();
    command->add_option("--kernel", options->kernel, "stock, patched, off or none")
        ->check(CLI::IsMember({"stock", "patched", "off", "none"}))
        ->capture_default_str();
    command->add_option("--tick-us", options->options.tick_us, "CPU time between a thread's interrupts, microseconds")
        ->check(numbers(1, longest_time_us))
        ->capture_default_str();
    command->add_option("--slice-us", options->options.slice_us, "length of a granted slice, microseconds")
        ->check(numbers(1, longest_time_us))
        ->capture_default_str();
    command->add_option("--rseq-flags", options->flags, "whether rseq->flags are written: auto, on or off")
        ->check(CLI::IsMember({"auto", "on", "off"}))
        ->capture_default_str();
    command->add_flag("--strict", options->options.strict, "report system calls made inside a section");
    command->add_flag("--by-label", options->by_label,
                      "the program says at its end what was granted to the sites of each label");
    command->add_option("--preload", options->options.preload, "the simulator's object, if not beside this program");
    command->add_flag("--json", options->json, "print the statistics as JSON on standard error");
    command->add_option("--json-file", options->json_file, "write the statistics as JSON to this file");
    command->add_option("COMMAND", options->command, "the program and its arguments")->required();
    command->positionals_at_end();
    command->footer(
        "Example: slicepatch sim --kernel stock -- build/bin/wordcount --threads 4 README.md\n"
        "Exit status: that of COMMAND, 128 + signal if it was killed; 125 it cannot be simulated, 126 it is "
        "not executable,\n127 it was not found; 2 wrong usage.\n\n" +
        sim_notes());
    return [options] { return sim(*options); };
}

Run add_top(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("top", "Show live what the kernel does at each site of a process");
    const auto options = std::make_shared<TopOptions>();
    const std::map<std::string, TopBy> by{
        {"label", TopBy::label}, {"function", TopBy::function}, {"site", TopBy::site}};
    const std::map<std::string, TopSort> sort{
        {"granted", TopSort::granted}, {"lost", TopSort::lost}, {"reached", TopSort::reached}, {"name", TopSort::name}};
    add_pid_option(*command, options->pid, "a process that was started with SLICEPATCH_COUNT=1");
    command->add_option("--by", options->by, "a row for each label, function or site")
        ->transform(CLI::CheckedTransformer(by))
        ->default_str("label");
    command->add_option("--sort", options->sort, "granted, lost, reached or name")
        ->transform(CLI::CheckedTransformer(sort))
        ->default_str("granted");
    command->add_option("--interval-ms", options->interval_ms, "from look to look, milliseconds")
        ->check(numbers(10, 3'600'000))
        ->capture_default_str();
    command->add_flag("--once", options->once, "one interval, without a screen");
    command->add_flag("--json", options->json, "a line of JSON for each interval: {\"seconds\", \"rows\": [...]}");
    command->add_option("COMMAND", options->command, "a program to start, and its arguments");
    command->positionals_at_end();
    command->footer(
        "GRANTED/S: slices that the kernel extended for sections, each second. YIELDED and LOST: how many of them were\n"
        "given back in time, and how many had expired, been revoked, or been ended by a system call. REACHED/S: runs of\n"
        "sites that are as compiled. Processes that the program has forked since count in the same rows.\n"
        "On a terminal the table is shown anew; q or SIGINT ends it with a summary, and COMMAND with it, whose output\n"
        "comes then. In a pipe, each interval is printed.\n"
        "Example: slicepatch top -- build/bin/wordcount --repeat 1000 README.md\n"
        "Exit status: 0, or that of COMMAND if it has ended; 2 the process cannot be read, or does not count.");
    return [options] { return top(*options); };
}

Run add_bench(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("bench", "Measure what the marks cost, beside what is written by hand");
    command->set_help_flag();
    command->prefix_command();
    command->footer(
        "Example: slicepatch bench --quick\n`slicepatch bench --help` has its options and its exit status.");
    return [command] { return bench(command->remaining()); };
}

Run add_selftest(CLI::App &program)
{
    CLI::App *command = program.add_subcommand("selftest", "Rewrite sites under running threads on this CPU");
    const auto options = std::make_shared<SelftestOptions>();
    command->add_option("--flips", options->flip.flips, "how many heads to rewrite")
        ->check(numbers(1, 1'000'000'000'000))
        ->capture_default_str();
    command->add_option("--threads", options->flip.threads, "threads that run through the sites meanwhile")
        ->check(numbers(1, most_flip_threads))
        ->capture_default_str();
    command->add_flag("--misaligned", options->flip.misaligned,
                      "the control: heads that cross a cache line, which should fault");
    command->add_flag("--json", options->json, "print JSON");
    command->footer(
        "The first fault ends the process that flips, which is a child of this one.\n"
        "Example: slicepatch selftest --flips 1000000\n"
        "Exit status: 0 no fault (the text says whether that proves something), 1 a fault, 2 it could not be "
        "run.");
    return [options] { return selftest(*options); };
}

} // namespace slicepatch::tool

//! The command line of the node.

fn main() -> std::process::ExitCode {
    hashlease_node::cli::main()
}

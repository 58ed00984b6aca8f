mod log;
pub(crate) fn demo(_: &crate::args::DemoArgs, _: bool) -> Result<std::process::ExitCode, crate::error::CliError> { let l = log::TasteLog::generate(1); println!("{}", l.clicks.len()); Ok(std::process::ExitCode::SUCCESS) }

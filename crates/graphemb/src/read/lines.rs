use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::error::{LineProblem, ReadError};

const BUFFER: usize = 256 << 10;

/// Lines of a text, unpacked when it starts as gzip does or is called so, each bounded in length.
pub(crate) struct Lines<'a> {
    file: PathBuf,
    reader: Box<dyn BufRead + 'a>,
    gzip: bool,
    limit: usize,
    line: u64,
    text: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub(crate) fn open(file: &Path, limit: usize) -> Result<Self, ReadError> {
        let opened = File::open(file).map_err(|source| ReadError::Io { file: file.to_owned(), source })?;
        Self::over(opened, file, limit)
    }

    pub(crate) fn over(reader: impl Read + 'a, file: &Path, limit: usize) -> Result<Self, ReadError> {
        let mut reader = BufReader::with_capacity(BUFFER, reader);
        let mut start = Vec::with_capacity(2);
        let peeked = reader.by_ref().take(2).read_to_end(&mut start);
        peeked.map_err(|source| ReadError::Io { file: file.to_owned(), source })?;
        let called_gz = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let gzip = !start.is_empty() && (called_gz || start.starts_with(&[0x1f, 0x8b]));
        let reader = Cursor::new(start).chain(reader);
        let reader: Box<dyn BufRead + 'a> = if gzip {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader)))
        } else {
            Box::new(reader)
        };
        Ok(Self { file: file.to_owned(), reader, gzip, limit, line: 0, text: Vec::new() })
    }

    /// Whether the bytes are unpacked on the way.
    pub(crate) fn gzip(&self) -> bool {
        self.gzip
    }

    /// Number of the last line, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// An error about the last line.
    pub(crate) fn problem(&self, problem: impl Into<LineProblem>) -> ReadError {
        self.problem_at(self.line, problem)
    }

    /// An error about a line.
    pub(crate) fn problem_at(&self, line: u64, problem: impl Into<LineProblem>) -> ReadError {
        ReadError::Line { file: self.file.clone(), line, problem: problem.into() }
    }

    /// The next line without its end and without a byte order mark; none at the end of the file.
    pub(crate) fn advance(&mut self) -> Result<bool, ReadError> {
        self.text.clear();
        // One byte more than fits tells a line that is too long from one that just fits.
        let mut limited = self.reader.by_ref().take(self.limit as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.text).map_err(|source| self.failed(source))?;
        self.line += u64::from(read > 0);
        if read > self.limit {
            return Err(self.problem(LineProblem::TooLong { limit: self.limit }));
        }
        for end in [b'\n', b'\r'] {
            if self.text.last() == Some(&end) {
                self.text.pop();
            }
        }
        if self.line == 1 && self.text.starts_with(&[0xEF, 0xBB, 0xBF]) {
            self.text.drain(..3);
        }
        if let Err(error) = std::str::from_utf8(&self.text) {
            return Err(self.problem(LineProblem::NotUtf8 { position: error.valid_up_to() }));
        }
        Ok(read > 0)
    }

    /// The last line.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    fn failed(&self, source: io::Error) -> ReadError {
        let file = self.file.clone();
        let damaged = matches!(
            source.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        );
        if self.gzip && damaged {
            ReadError::Gzip { file, line: self.line, source }
        } else {
            ReadError::Io { file, source }
        }
    }
}

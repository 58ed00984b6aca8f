use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::ReadError;
use super::options::{Compression, ReadOptions};

const BUFFER: usize = 256 << 10;

/// Lines of a text file, unpacked, each bounded in length, the byte order mark aside.
pub(crate) struct Lines<'a> {
    file: &'a Path,
    reader: Box<dyn BufRead + 'a>,
    gzip: bool,
    limit: usize,
    /// Lines read.
    line: u64,
}

impl<'a> Lines<'a> {
    pub(crate) fn open(file: &'a Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let opened = File::open(file).map_err(|source| ReadError::Io { file: file.to_owned(), source })?;
        Self::from_reader(opened, file, options)
    }

    pub(crate) fn from_reader(
        reader: impl Read + 'a,
        file: &'a Path,
        options: &ReadOptions,
    ) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { file: file.to_owned(), source };
        let (start, reader) = peek(BufReader::with_capacity(BUFFER, reader)).map_err(failed)?;
        let called_gz = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let gzip = match options.compression {
            Compression::Auto => !start.is_empty() && (called_gz || start.starts_with(&[0x1f, 0x8b])),
            Compression::None => false,
            Compression::Gzip => true,
        };
        let reader: Box<dyn BufRead + 'a> = if gzip {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader)))
        } else {
            Box::new(reader)
        };
        let mut lines = Self { file, reader, gzip, limit: options.max_record_bytes, line: 0 };
        lines.skip_byte_order_mark()?;
        Ok(lines)
    }

    /// Whether the bytes are unpacked on the way.
    pub(crate) fn gzip(&self) -> bool {
        self.gzip
    }

    /// The file's name.
    pub(crate) fn file(&self) -> &'a Path {
        self.file
    }

    /// Lines read so far: the number of the last one, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Appends the next line with its line end to `text`; false at the end of the file. `text` must not grow
    /// beyond the longest record, which is said to start on line `start`.
    pub(crate) fn append(&mut self, text: &mut Vec<u8>, start: u64) -> Result<bool, ReadError> {
        let before = text.len();
        let room = self.limit.saturating_sub(before);
        // One byte more than fits tells a line that is too long from one that just fits.
        let mut limited = self.reader.by_ref().take(room as u64 + 1);
        let read = limited
            .read_until(b'\n', text)
            .map_err(|source| failed(self.file, self.gzip, self.line, source))?;
        if read > room {
            return Err(ReadError::LineTooLong {
                file: self.file.to_owned(),
                line: start,
                limit: self.limit,
            });
        }
        self.line += u64::from(read > 0);
        Ok(read > 0)
    }

    /// The next line without its line end, or none at the end of the file.
    pub(crate) fn next<'t>(&mut self, text: &'t mut Vec<u8>) -> Result<Option<&'t [u8]>, ReadError> {
        text.clear();
        let start = self.line + 1;
        Ok(self.append(text, start)?.then(|| without_line_end(text)))
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), ReadError> {
        let fails = |source| failed(self.file, self.gzip, 0, source);
        let reader = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        let (start, mut reader) = peek(reader).map_err(fails)?;
        if start == [0xEF, 0xBB, 0xBF] {
            reader.consume(start.len());
        }
        self.reader = Box::new(reader);
        Ok(())
    }
}

/// A line without `\n` or `\r\n`, and without the `\r` of a file that ends within its last line end.
pub(crate) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn failed(file: &Path, gzip: bool, line: u64, source: io::Error) -> ReadError {
    let file = file.to_owned();
    let damaged = matches!(
        source.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    );
    if gzip && damaged { ReadError::Gzip { file, line, source } } else { ReadError::Io { file, source } }
}

/// The first three bytes (or all, if there are fewer), and the reader with them put back.
fn peek<R: BufRead>(mut reader: R) -> io::Result<(Vec<u8>, impl BufRead + use<R>)> {
    let mut start = Vec::with_capacity(3);
    reader.by_ref().take(3).read_to_end(&mut start)?;
    Ok((start.clone(), Cursor::new(start).chain(reader)))
}

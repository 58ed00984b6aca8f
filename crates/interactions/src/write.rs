use std::io::{self, Write};

use crate::log::Log;

impl Log {
    /// Writes the interactions in file order as CSV with a header (`user,item`, then `time` and `weight` where
    /// the log has them), which [`Log::read`] reads back. Keys without interactions are not written.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        let header =
            [Some("user"), Some("item"), self.times().map(|_| "time"), self.weights().map(|_| "weight")];
        writer.write_record(header.into_iter().flatten())?;
        for row in self.iter() {
            writer.write_field(row.user)?;
            writer.write_field(row.item)?;
            if let Some(time) = row.time {
                writer.write_field(time.to_string())?;
            }
            if let Some(weight) = row.weight {
                writer.write_field(weight.to_string())?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()
    }
}

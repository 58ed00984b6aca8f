//! A streaming frequency within a container of a model: `docs/format.md`, sections "streaming frequency".

use embed_core::store::{Fault, Reader, StoreError, Writer};

use crate::{StreamingFrequency, StreamingParams};

impl StreamingFrequency {
    /// Writes the state into sections `<name>.last` and `<name>.interval` of a container. The settings go into the
    /// container's header, where the model keeps its own.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be written.
    pub fn write_to(&self, writer: &mut Writer, name: &str) -> Result<(), StoreError> {
        writer.section(&format!("{name}.last"), &self.last)?;
        writer.section(&format!("{name}.interval"), &self.interval)?;
        Ok(())
    }

    /// Reads what [`StreamingFrequency::write_to`] wrote under these settings.
    ///
    /// # Errors
    /// [`StoreError`] when the settings are out of range, a section is missing or of another length, or an interval is
    /// no number from 1 on.
    pub fn read_from(reader: &Reader, name: &str, params: StreamingParams) -> Result<Self, StoreError> {
        let wrong = |field: &str, expected: u64, got: u64| {
            reader.malformed(Fault::Field { field: field.to_owned(), expected, got })
        };
        params.validate().map_err(|_| wrong("streaming frequency settings", 1, 0))?;
        let n = params.cells * params.hashes;
        let last = reader.section_of_len::<u64>(&format!("{name}.last"), n)?.into_vec();
        let interval = reader.section_of_len::<f32>(&format!("{name}.interval"), n)?.into_vec();
        if interval.iter().any(|mean| !(1.0..f32::INFINITY).contains(mean)) {
            return Err(wrong("streaming frequency interval", 1, 0));
        }
        Ok(Self::from_parts(params, last, interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embed_core::Batch;
    use embed_core::store::Kind;

    const KIND: Kind = Kind::new("test-frequency", 1);

    #[test]
    fn a_saved_state_goes_on_as_the_unsaved() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let params = StreamingParams { cells: 100, ..Default::default() };
        let mut one = StreamingFrequency::new(params).unwrap();
        (0..50).for_each(|step| one.observe(&Batch::new(step, &[1, 2, (step % 7) as u32])));
        let mut writer = Writer::create(&path, KIND, &params).unwrap();
        one.write_to(&mut writer, "frequency").unwrap();
        writer.finish().unwrap();
        let reader = Reader::open_verified(&path, KIND).unwrap();
        let header: StreamingParams = reader.header().unwrap();
        let mut other = StreamingFrequency::read_from(&reader, "frequency", header).unwrap();
        for frequency in [&mut one, &mut other] {
            frequency.observe(&Batch::new(50, &[5, 2]));
        }
        assert_eq!(one, other);
        let smaller = StreamingParams { cells: 99, ..params };
        assert!(StreamingFrequency::read_from(&reader, "frequency", smaller).is_err());
        let none = StreamingParams { cells: 0, ..params };
        assert!(StreamingFrequency::read_from(&reader, "frequency", none).is_err());
        assert!(StreamingFrequency::read_from(&reader, "other", params).is_err());
    }
}

use ndarray::Array2;

use super::SideError;

/// What training with side information learned beside the items' vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct SideVectors {
    /// The name of each field, and a vector for each of its values `[n_values, dim]`.
    pub fields: Vec<(String, Array2<f32>)>,
    /// How much an item's own vector (first) and each field count in its vector, `[n_items, 1 + n_fields]`; rows sum to 1.
    pub weights: Array2<f32>,
}

impl SideVectors {
    /// The vector of an item that training has not seen, from the values it has in each field: the mean over the fields
    /// in which it has any, of the mean of their vectors. `None` when it has no value at all. O(values · dim).
    ///
    /// Wang et al. 2018 ("EGES"), section 3.3.
    ///
    /// # Errors
    /// - [`SideError::Fields`] when `values` is not one list a field.
    /// - [`SideError::ColdValue`] names a value that the field does not have.
    #[expect(clippy::cast_precision_loss, reason = "an item has few values")]
    pub fn cold<V: AsRef<[u32]>>(&self, values: &[V]) -> Result<Option<Vec<f32>>, SideError> {
        let (expected, got) = (self.fields.len(), values.len());
        if expected != got {
            return Err(SideError::Fields { expected, got });
        }
        let n_fields = values.iter().filter(|values| !values.as_ref().is_empty()).count();
        if n_fields == 0 {
            return Ok(None);
        }
        let dim = self.fields.first().map_or(0, |(_, rows)| rows.ncols());
        let mut vector = vec![0.0f32; dim];
        for ((name, rows), values) in self.fields.iter().zip(values) {
            let values = values.as_ref();
            let share = 1.0 / (n_fields * values.len().max(1)) as f32;
            for &value in values {
                let n_values = rows.nrows();
                if value as usize >= n_values {
                    return Err(SideError::ColdValue { field: name.clone(), value, n_values });
                }
                vector.iter_mut().zip(rows.row(value as usize)).for_each(|(to, from)| *to += share * from);
            }
        }
        Ok(Some(vector))
    }
}

//! Cells of Arrow arrays as keys, times and numbers; a null is an error of its row.

use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, BinaryArray, Date32Array, Date64Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::{DataType, TimeUnit as ArrowUnit};

use super::options::TimeUnit;
use super::row_error::RowProblem;
use super::value;

/// Text of some layout.
pub(crate) enum Texts<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
    Bytes(&'a BinaryArray),
    LargeBytes(&'a LargeBinaryArray),
}

impl<'a> Texts<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => Self::Small(array.as_string_opt()?),
            DataType::LargeUtf8 => Self::Large(array.as_string_opt()?),
            DataType::Utf8View => Self::View(array.as_string_view_opt()?),
            // Text of writers that do not mark it as such.
            DataType::Binary => Self::Bytes(array.as_binary_opt()?),
            DataType::LargeBinary => Self::LargeBytes(array.as_binary_opt()?),
            _ => return None,
        })
    }

    fn array(&self) -> &'a dyn Array {
        match *self {
            Self::Small(texts) => texts,
            Self::Large(texts) => texts,
            Self::View(texts) => texts,
            Self::Bytes(texts) => texts,
            Self::LargeBytes(texts) => texts,
        }
    }

    /// A text, none for a null.
    fn get(&self, row: usize) -> Result<Option<&'a str>, RowProblem> {
        if self.array().is_null(row) {
            return Ok(None);
        }
        let checked = |bytes: &'a [u8]| {
            let text = std::str::from_utf8(bytes);
            text.map(Some).map_err(|_| RowProblem::NotUtf8 { found: RowProblem::found(bytes) })
        };
        match *self {
            Self::Small(texts) => Ok(Some(texts.value(row))),
            Self::Large(texts) => Ok(Some(texts.value(row))),
            Self::View(texts) => Ok(Some(texts.value(row))),
            Self::Bytes(texts) => checked(texts.value(row)),
            Self::LargeBytes(texts) => checked(texts.value(row)),
        }
    }
}

/// Integers of some width.
pub(crate) enum Integers<'a> {
    I8(&'a Int8Array),
    I16(&'a Int16Array),
    I32(&'a Int32Array),
    I64(&'a Int64Array),
    U8(&'a UInt8Array),
    U16(&'a UInt16Array),
    U32(&'a UInt32Array),
    U64(&'a UInt64Array),
}

impl<'a> Integers<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Int8 => Self::I8(array.as_primitive_opt::<Int8Type>()?),
            DataType::Int16 => Self::I16(array.as_primitive_opt::<Int16Type>()?),
            DataType::Int32 => Self::I32(array.as_primitive_opt::<Int32Type>()?),
            DataType::Int64 => Self::I64(array.as_primitive_opt::<Int64Type>()?),
            DataType::UInt8 => Self::U8(array.as_primitive_opt::<UInt8Type>()?),
            DataType::UInt16 => Self::U16(array.as_primitive_opt::<UInt16Type>()?),
            DataType::UInt32 => Self::U32(array.as_primitive_opt::<UInt32Type>()?),
            DataType::UInt64 => Self::U64(array.as_primitive_opt::<UInt64Type>()?),
            _ => return None,
        })
    }

    fn get(&self, row: usize) -> Option<i128> {
        macro_rules! cell {
            ($array:expr) => {
                (!$array.is_null(row)).then(|| i128::from($array.value(row)))
            };
        }
        match self {
            Self::I8(a) => cell!(a),
            Self::I16(a) => cell!(a),
            Self::I32(a) => cell!(a),
            Self::I64(a) => cell!(a),
            Self::U8(a) => cell!(a),
            Self::U16(a) => cell!(a),
            Self::U32(a) => cell!(a),
            Self::U64(a) => cell!(a),
        }
    }
}

/// Keys: text, integers, or a dictionary of either.
pub(crate) enum Keys<'a> {
    Texts(Texts<'a>),
    Integers(Integers<'a>),
    Dictionary { places: Integers<'a>, values: Box<Keys<'a>>, len: usize },
}

impl<'a> Keys<'a> {
    pub(crate) fn of(array: &'a dyn Array) -> Option<Self> {
        if let Some(texts) = Texts::of(array) {
            return Some(Self::Texts(texts));
        }
        if let Some(integers) = Integers::of(array) {
            return Some(Self::Integers(integers));
        }
        let dictionary = array.as_any_dictionary_opt()?;
        let values = dictionary.values();
        // A dictionary of dictionaries is none that a writer makes.
        let inner = match Self::of(values.as_ref())? {
            Self::Dictionary { .. } => return None,
            plain => plain,
        };
        let places = Integers::of(dictionary.keys())?;
        Some(Self::Dictionary { places, values: Box::new(inner), len: values.len() })
    }

    /// A key that is not empty; `buffer` holds the text of a number.
    pub(crate) fn get<'t>(&'t self, row: usize, buffer: &'t mut String) -> Result<&'t str, RowProblem> {
        const NOTHING: RowProblem = RowProblem::Empty { expected: "a key" };
        match self {
            Self::Texts(texts) => texts.get(row)?.filter(|text| !text.is_empty()).ok_or(NOTHING),
            Self::Integers(integers) => {
                let number = integers.get(row).ok_or(NOTHING)?;
                buffer.clear();
                // Writing to a String cannot fail.
                let _ = write!(buffer, "{number}");
                Ok(buffer)
            }
            Self::Dictionary { places, values, len } => {
                let place = places.get(row).and_then(|place| usize::try_from(place).ok());
                values.get(place.filter(|place| place < len).ok_or(NOTHING)?, buffer)
            }
        }
    }
}

/// Numbers of any kind.
pub(crate) enum Numbers<'a> {
    Integers(Integers<'a>),
    F32(&'a Float32Array),
    F64(&'a Float64Array),
}

impl<'a> Numbers<'a> {
    pub(crate) fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Float32 => Self::F32(array.as_primitive_opt::<Float32Type>()?),
            DataType::Float64 => Self::F64(array.as_primitive_opt::<Float64Type>()?),
            _ => Self::Integers(Integers::of(array)?),
        })
    }

    /// A number, none for a null.
    #[expect(clippy::cast_precision_loss, reason = "rounds to the nearest, as a weight may")]
    pub(crate) fn get(&self, row: usize) -> Option<f64> {
        match self {
            Self::Integers(integers) => integers.get(row).map(|number| number as f64),
            Self::F32(array) => (!array.is_null(row)).then(|| f64::from(array.value(row))),
            Self::F64(array) => (!array.is_null(row)).then(|| array.value(row)),
        }
    }
}

/// Times: numbers and text in the unit that the options say, the others in their own.
pub(crate) enum Times<'a> {
    Integers(Integers<'a>),
    Numbers(Numbers<'a>),
    Texts(Texts<'a>),
    Seconds(&'a TimestampSecondArray),
    Milliseconds(&'a TimestampMillisecondArray),
    Microseconds(&'a TimestampMicrosecondArray),
    Nanoseconds(&'a TimestampNanosecondArray),
    Days(&'a Date32Array),
    DateMilliseconds(&'a Date64Array),
}

impl<'a> Times<'a> {
    pub(crate) fn of(array: &'a dyn Array) -> Option<Self> {
        use ArrowUnit::{Microsecond, Millisecond, Nanosecond, Second};
        Some(match array.data_type() {
            DataType::Timestamp(Second, _) => Self::Seconds(array.as_primitive_opt::<TimestampSecondType>()?),
            DataType::Timestamp(Millisecond, _) => {
                Self::Milliseconds(array.as_primitive_opt::<TimestampMillisecondType>()?)
            }
            DataType::Timestamp(Microsecond, _) => {
                Self::Microseconds(array.as_primitive_opt::<TimestampMicrosecondType>()?)
            }
            DataType::Timestamp(Nanosecond, _) => {
                Self::Nanoseconds(array.as_primitive_opt::<TimestampNanosecondType>()?)
            }
            DataType::Date32 => Self::Days(array.as_primitive_opt::<Date32Type>()?),
            DataType::Date64 => Self::DateMilliseconds(array.as_primitive_opt::<Date64Type>()?),
            _ => match (Texts::of(array), Integers::of(array)) {
                (Some(texts), _) => Self::Texts(texts),
                (_, Some(integers)) => Self::Integers(integers),
                _ => Self::Numbers(Numbers::of(array)?),
            },
        })
    }

    /// A time in seconds.
    pub(crate) fn get(&self, row: usize, unit: TimeUnit) -> Result<i64, RowProblem> {
        macro_rules! stamp {
            ($array:expr, $unit:ident) => {
                whole((!$array.is_null(row)).then(|| i128::from($array.value(row))), TimeUnit::$unit)
            };
        }
        match self {
            Self::Seconds(a) => stamp!(a, Seconds),
            Self::Milliseconds(a) => stamp!(a, Milliseconds),
            Self::DateMilliseconds(a) => stamp!(a, Milliseconds),
            Self::Microseconds(a) => stamp!(a, Microseconds),
            Self::Nanoseconds(a) => stamp!(a, Nanoseconds),
            Self::Days(a) => {
                whole((!a.is_null(row)).then(|| i128::from(a.value(row)) * 86_400), TimeUnit::Seconds)
            }
            Self::Integers(integers) => whole(integers.get(row), unit),
            Self::Texts(texts) => value::time(texts.get(row)?.unwrap_or_default(), unit),
            Self::Numbers(numbers) => {
                let number = numbers.get(row).ok_or(RowProblem::Empty { expected: value::A_TIME })?;
                value::fractional_time(number, unit).ok_or_else(|| value::far(&number.to_string()))
            }
        }
    }
}

fn whole(number: Option<i128>, unit: TimeUnit) -> Result<i64, RowProblem> {
    let number = number.ok_or(RowProblem::Empty { expected: value::A_TIME })?;
    let seconds = i64::try_from(number).ok().and_then(|number| value::whole_time(number, unit));
    seconds.ok_or_else(|| value::far(&number.to_string()))
}

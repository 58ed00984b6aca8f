use std::fmt;

/// What a section's values are. Stored little-endian, back to back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// Bytes, or text in UTF-8.
    U8,
    /// Unsigned, 4 bytes.
    U32,
    /// Unsigned, 8 bytes.
    U64,
    /// IEEE 754 single precision.
    F32,
}

impl ElementType {
    const ALL: [Self; 4] = [Self::U8, Self::U32, Self::U64, Self::F32];

    /// The number that stands for it in a section table.
    pub(super) fn code(self) -> u32 {
        match self {
            Self::U8 => 1,
            Self::U32 => 2,
            Self::U64 => 3,
            Self::F32 => 4,
        }
    }

    pub(super) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|element| element.code() == code)
    }

    /// Bytes of one value.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U32 | Self::F32 => 4,
            Self::U64 => 8,
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "u8",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F32 => "f32",
        })
    }
}

/// A value that a section can hold: `u8`, `u32`, `u64` or `f32`.
///
/// Sealed, because reading a mapped file relies on it: every bit pattern is a value, and there is no padding.
pub trait Element: Copy + PartialEq + fmt::Debug + Send + Sync + sealed::Sealed + 'static {
    /// How a section table names it.
    const TYPE: ElementType;
}

pub(super) mod sealed {
    /// Little-endian bytes to and from values.
    pub trait Sealed: Sized {
        fn from_le(bytes: &[u8]) -> Vec<Self>;
        fn extend_le(values: &[Self], out: &mut Vec<u8>);
    }
}

macro_rules! element {
    ($($type:ty => $variant:ident),*) => {$(
        impl sealed::Sealed for $type {
            fn from_le(bytes: &[u8]) -> Vec<Self> {
                bytes.as_chunks().0.iter().map(|&chunk| Self::from_le_bytes(chunk)).collect()
            }

            fn extend_le(values: &[Self], out: &mut Vec<u8>) {
                out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }

        impl Element for $type {
            const TYPE: ElementType = ElementType::$variant;
        }
    )*};
}
element!(u8 => U8, u32 => U32, u64 => U64, f32 => F32);

//! Reads the validity period of a certificate.
//!
//! The TLS connection has checked the certificate, so only its structure is read (RFC 5280, section
//! 4.1): nested values (DER), each after its tag and its length. This needs no library.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::store::Time;

/// The tags that matter: a version, and the two forms of a time.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The validity period of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: Time,
    pub(crate) until: Time,
}

impl Validity {
    /// Reads the period of a certificate; `None` if this is not a certificate.
    pub(in crate::portal) fn read(certificate: &[u8]) -> Option<Validity> {
        let mut signed = Der(Der(certificate).enter()?.0).enter()?;
        if signed.next()?.0 == VERSION {
            signed.next()?; // the serial number
        }
        signed.next()?; // the signature algorithm
        signed.next()?; // the issuer
        let mut validity = signed.enter()?;
        Some(Validity {
            from: parse_time(validity.next()?)?,
            until: parse_time(validity.next()?)?,
        })
    }
}

/// A sequence of DER values.
struct Der<'c>(&'c [u8]);

impl<'c> Der<'c> {
    /// Returns the tag and the content of the next value.
    fn next(&mut self) -> Option<(u8, &'c [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (length, rest) = rest.split_first()?;
        let (length, rest) = match length {
            0..0x80 => (usize::from(*length), rest),
            _ => {
                let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                let length = bytes.iter().try_fold(0_usize, |length, byte| {
                    length.checked_mul(256)?.checked_add(usize::from(*byte))
                })?;
                (length, rest)
            }
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, value))
    }

    /// Returns the values inside the next value.
    fn enter(&mut self) -> Option<Der<'c>> {
        self.next().map(|(_, value)| Der(value))
    }
}

/// Reads `261126120000Z` (1950 to 2049) or `20261126120000Z` (section 4.1.2.5).
fn parse_time((tag, text): (u8, &[u8])) -> Option<Time> {
    let digits = text.strip_suffix(b"Z")?;
    let (year, rest) = digits.split_at_checked(match tag {
        UTC_TIME => 2,
        GENERALIZED_TIME => 4,
        _ => return None,
    })?;
    let century = match number(year)? {
        0..50 if tag == UTC_TIME => 2_000,
        50..100 if tag == UTC_TIME => 1_900,
        _ => 0,
    };
    let ([month, day, hour, minute, second], []) = rest.as_chunks::<2>() else {
        return None;
    };
    let part = |digits: &[u8]| i8::try_from(number(digits)?).ok();
    let date = DateTime::new(
        century + number(year)?,
        part(month)?,
        part(day)?,
        part(hour)?,
        part(minute)?,
        part(second)?,
        0,
    );
    let moment = Offset::UTC.to_timestamp(date.ok()?).ok()?;
    moment.as_millisecond().try_into().ok().map(Time)
}

fn number(digits: &[u8]) -> Option<i16> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use crate::portal::http::certificate::*;

    #[test]
    fn both_forms_of_a_time_are_read_and_nothing_else_is() {
        let read =
            |tag, text: &str| parse_time((tag, text.as_bytes())).map(|time| time.to_string());
        let some = |time: &str| Some(time.to_owned());
        for (tag, text, time) in [
            (UTC_TIME, "261126123456Z", some("2026-11-26T12:34:56.000Z")),
            (UTC_TIME, "700101000000Z", some("1970-01-01T00:00:00.000Z")),
            (
                GENERALIZED_TIME,
                "20500101000000Z",
                some("2050-01-01T00:00:00.000Z"),
            ),
            (UTC_TIME, "261326123456Z", None),
            (UTC_TIME, "261126123456", None),
            (UTC_TIME, "2611261234Z", None),
            (UTC_TIME, "", None),
            (GENERALIZED_TIME, "261126123456Z", None),
            (0x0c, "261126123456Z", None),
        ] {
            assert_eq!(read(tag, text), time, "{text}");
        }
    }

    fn value(tag: u8, within: &[&[u8]]) -> Vec<u8> {
        let within = within.concat();
        let length = u16::try_from(within.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], &within].concat()
    }

    #[test]
    fn a_truncated_certificate_is_not_read() {
        let sequence = |within: &[&[u8]]| value(0x30, within);
        let (version, number) = ([VERSION, 3, 2, 1, 2], [2, 1, 7]);
        let validity = sequence(&[
            &value(UTC_TIME, &[b"260102000000Z"]),
            &value(GENERALIZED_TIME, &[b"20510304000000Z"]),
        ]);
        let issuer = sequence(&[&[0x0c; 300]]);
        let [first, third] = [&[][..], &version].map(|version| {
            sequence(&[&sequence(&[
                version,
                &number,
                &sequence(&[]),
                &issuer,
                &validity,
            ])])
        });
        for whole in [first, third] {
            let validity = Validity::read(&whole).unwrap();
            assert_eq!(validity.from.to_string(), "2026-01-02T00:00:00.000Z");
            assert_eq!(validity.until.to_string(), "2051-03-04T00:00:00.000Z");
            for end in 0..whole.len() {
                assert_eq!(Validity::read(&whole[..end]), None, "{end}");
            }
        }
        assert_eq!(Validity::read(&[0xff; 64]), None);
    }
}

//! What is wrong with a setting, by its field, so that a form can say it beside the field.

use reqwest::Url;
use serde::Serialize;

use crate::Secret;
use crate::template::Template;

/// One field that cannot stay as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name as it is stored; of a list or map with the entry: `params.site`, `params.0`.
    pub field: String,
    /// What is wrong with it.
    pub problem: FieldProblem,
}

/// What can be wrong with a field. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldProblem {
    /// Nothing there, and something is needed.
    Missing,
    /// No absolute URL.
    NotAUrl,
    /// Neither `http` nor `https`.
    Scheme,
    /// A name or password stands in the URL, where logs would show it.
    LoginInUrl,
    /// No mailbox.
    NotAMailbox,
    /// No telephone number of digits, with or without `+`.
    NotAPhone,
    /// Not a key of the form that is needed.
    NotAKey,
    /// No certificate in PEM.
    NotACertificate,
    /// A character that this field cannot have.
    Characters,
    /// More characters than the provider takes.
    TooLong,
    /// A number that is too small or too large.
    OutOfRange,
    /// A text with a placeholder that is unknown or not closed.
    Placeholder,
    /// A password that would go over the network in the clear.
    SentInTheClear,
}

impl FieldProblem {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Missing,
        Self::NotAUrl,
        Self::Scheme,
        Self::LoginInUrl,
        Self::NotAMailbox,
        Self::NotAPhone,
        Self::NotAKey,
        Self::NotACertificate,
        Self::Characters,
        Self::TooLong,
        Self::OutOfRange,
        Self::Placeholder,
        Self::SentInTheClear,
    ];

    /// The stable name, as it is serialized.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotAUrl => "not_a_url",
            Self::Scheme => "scheme",
            Self::LoginInUrl => "login_in_url",
            Self::NotAMailbox => "not_a_mailbox",
            Self::NotAPhone => "not_a_phone",
            Self::NotAKey => "not_a_key",
            Self::NotACertificate => "not_a_certificate",
            Self::Characters => "characters",
            Self::TooLong => "too_long",
            Self::OutOfRange => "out_of_range",
            Self::Placeholder => "placeholder",
            Self::SentInTheClear => "sent_in_the_clear",
        }
    }
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Check(pub(crate) Vec<FieldError>);

impl Check {
    pub(crate) fn wrong(&mut self, field: impl Into<String>, problem: FieldProblem) {
        self.0.push(FieldError { field: field.into(), problem });
    }

    /// Not empty, at most `most` characters, none of them a control character.
    pub(crate) fn text(&mut self, field: &str, text: &str, most: usize) {
        if text.trim().is_empty() {
            self.wrong(field, FieldProblem::Missing);
        } else {
            self.optional_text(field, text, most);
        }
    }

    pub(crate) fn optional_text(&mut self, field: &str, text: &str, most: usize) {
        if text.chars().count() > most {
            self.wrong(field, FieldProblem::TooLong);
        } else if text.chars().any(char::is_control) {
            self.wrong(field, FieldProblem::Characters);
        }
    }

    pub(crate) fn secret(&mut self, field: &str, secret: &Secret) {
        self.text(field, &secret.0, 1000);
    }

    /// A name or address of a host, without a port.
    pub(crate) fn host(&mut self, field: &str, host: &str) {
        self.text(field, host, 253);
        if host.chars().any(|c| c.is_whitespace() || "/@?#[]".contains(c)) {
            self.wrong(field, FieldProblem::Characters);
        }
    }

    pub(crate) fn port(&mut self, port: u16) {
        if port == 0 {
            self.wrong("port", FieldProblem::OutOfRange);
        }
    }

    pub(crate) fn url(&mut self, field: &str, url: &str) {
        if url.is_empty() {
            self.wrong(field, FieldProblem::Missing);
        } else if let Err(problem) = http_url(url) {
            self.wrong(field, problem);
        }
    }

    pub(crate) fn base_url(&mut self, base: Option<&String>) {
        if let Some(base) = base {
            self.url("base_url", base);
        }
    }

    pub(crate) fn phones(&mut self, field: &str, phones: &[String]) {
        for (at, phone) in phones.iter().enumerate() {
            if !is_phone(phone) {
                self.wrong(format!("{field}.{at}"), FieldProblem::NotAPhone);
            }
        }
    }

    pub(crate) fn template(&mut self, field: String, text: &str) {
        if Template::parse(text).is_err() {
            self.wrong(field, FieldProblem::Placeholder);
        }
    }

    pub(crate) fn value_chars(&mut self, most: u16) {
        if !(1..=500).contains(&most) {
            self.wrong("max_value_chars", FieldProblem::OutOfRange);
        }
    }

    pub(crate) fn authorities(&mut self, pem: &str) {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject as _;

        if pem.is_empty() {
            return;
        }
        let mut count = 0_usize;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            count += 1;
            let usable = certificate.is_ok_and(|der| rustls::RootCertStore::empty().add(der).is_ok());
            if !usable {
                return self.wrong("trusted_ca", FieldProblem::NotACertificate);
            }
        }
        if count == 0 {
            self.wrong("trusted_ca", FieldProblem::NotACertificate);
        }
    }
}

/// An `http` or `https` URL with a host and without a login.
pub(crate) fn http_url(url: &str) -> Result<Url, FieldProblem> {
    let url = Url::parse(url).map_err(|_| FieldProblem::NotAUrl)?;
    if url.scheme() != "http" && url.scheme() != "https" {
        return Err(FieldProblem::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FieldProblem::LoginInUrl);
    }
    if url.host_str().is_none() {
        return Err(FieldProblem::NotAUrl);
    }
    Ok(url)
}

/// 5 to 15 digits (ITU-T E.164), with or without `+`.
pub(crate) fn is_phone(phone: &str) -> bool {
    let digits = phone.strip_prefix('+').unwrap_or(phone);
    (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_called_as_they_are_serialized() {
        for problem in FieldProblem::ALL {
            assert_eq!(serde_json::to_value(problem).unwrap(), problem.code());
        }
    }

    #[test]
    fn urls_are_http_and_carry_no_login() {
        assert!(http_url("https://ntfy.example:8443/a").is_ok());
        assert_eq!(http_url("ntfy.example").unwrap_err(), FieldProblem::NotAUrl);
        assert_eq!(http_url("file:///etc/passwd").unwrap_err(), FieldProblem::Scheme);
        assert_eq!(http_url("gopher://x/1").unwrap_err(), FieldProblem::Scheme);
        assert_eq!(http_url("https://a:b@c.example/").unwrap_err(), FieldProblem::LoginInUrl);
        assert_eq!(http_url("https://a@c.example/").unwrap_err(), FieldProblem::LoginInUrl);
    }
}

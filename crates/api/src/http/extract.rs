//! Extractors whose refusals name the field: bad input is 422 with `errors`, never a bare text.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::{Code, FieldError, Problem};

/// A JSON body.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .map(|v| v.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
            .is_some_and(|v| {
                v == "application/json" || (v.starts_with("application/") && v.ends_with("+json"))
            });
        if !json {
            return Err(Problem::new(
                Code::UnsupportedMediaType,
                "wanted the header Content-Type: application/json",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|refused| {
            use axum::response::IntoResponse;
            let status = refused.into_response().status();
            if status == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                Problem::new(Code::TooLarge, "the body is larger than what is taken here")
            } else {
                Problem::field("", "unreadable", "the body could not be read to its end")
            }
        })?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let read: Object<T> = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            Problem::invalid(vec![field_error(&error.path().to_string(), &error.inner().to_string())])
        })?;
        reader.end().map_err(|_more| Problem::field("", "syntax", "wanted nothing after the JSON value"))?;
        Ok(Self(read.0))
    }
}

/// The query part of the address.
#[derive(Debug, Clone)]
pub struct Filters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Filters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        // An empty parameter (`?q=`) means the same as an absent one.
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        check_parameters(&pairs)?;
        let reader = serde::de::value::MapDeserializer::new(
            pairs.iter().map(|(name, value)| (name.as_str(), Word(value))),
        );
        serde_path_to_error::deserialize::<_, T>(reader).map(Self).map_err(
            |error: serde_path_to_error::Error<serde::de::value::Error>| {
                Problem::invalid(vec![field_error(&error.path().to_string(), &error.inner().to_string())])
            },
        )
    }
}

/// The longest text of parameters that are free text, characters. A test holds them against the description.
pub const LONGEST_PARAMETERS: [(&str, u32); 8] = [
    ("q", 100),
    ("area", 12),
    ("kind", 300),
    ("profile", 100),
    ("actor", 100),
    ("action", 100),
    ("object", 100),
    ("cursor", 2000),
];

/// Parameters that are ids.
const ID_PARAMETERS: [&str; 4] = ["site", "detector", "organisation", "batch"];

fn check_parameters(pairs: &[(String, String)]) -> Result<(), Problem> {
    let mut errors = Vec::new();
    for (name, value) in pairs {
        if let Some((_, max)) = LONGEST_PARAMETERS.iter().find(|(known, _)| known == name) {
            check_max(&mut errors, name, value, *max);
        }
        if ID_PARAMETERS.contains(&name.as_str()) && value.parse::<i64>().is_ok_and(|id| id < 1) {
            errors.push(
                FieldError::new(name, "out_of_range", format!("had {value}, wanted an id from 1"))
                    .with("min", 1),
            );
        }
    }
    checked(errors)
}

/// One value of a query: text that becomes a number or a flag where one is wanted.
#[derive(Clone, Copy)]
struct Word<'a>(&'a str);

macro_rules! parsed {
    ($($method:ident $visit:ident $kind:ty, $words:literal;)+) => {$(
        fn $method<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            let value: $kind = self.0.parse().map_err(|_ill| {
                serde::de::Error::custom(format!("had `{}`, wanted {}", self.0, $words))
            })?;
            visitor.$visit(value)
        }
    )+};
}

impl<'de> serde::Deserializer<'de> for Word<'de> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: serde::de::Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: serde::de::Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        use serde::de::IntoDeserializer;
        visitor.visit_enum(self.0.into_deserializer())
    }

    parsed! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_i8 visit_i8 i8, "a whole number";
        deserialize_i16 visit_i16 i16, "a whole number";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
        deserialize_u8 visit_u8 u8, "a whole number, 0 or more";
        deserialize_u16 visit_u16 u16, "a whole number, 0 or more";
        deserialize_u32 visit_u32 u32, "a whole number, 0 or more";
        deserialize_u64 visit_u64 u64, "a whole number, 0 or more";
        deserialize_f32 visit_f32 f32, "a number";
        deserialize_f64 visit_f64 f64, "a number";
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> serde::de::IntoDeserializer<'de, serde::de::value::Error> for Word<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The one id of an address. What is no id is nowhere: 404.
#[derive(Debug, Clone, Copy)]
pub struct Id(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<i64>::from_request_parts(parts, state).await {
            Ok(Path(id)) if id >= 1 => Ok(Self(id)),
            _ => Err(Problem::new(Code::NotFound, "the id in the address is not a whole number from 1")),
        }
    }
}

/// A list in a query, `a,b,c`.
///
/// # Errors
/// What one of the words cannot be read as, as 422 about `field`.
pub fn words<T>(
    field: &str,
    list: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    list.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| {
            read(word).ok_or_else(|| {
                let known = format!("had `{word}`, which is none of the words known here");
                Problem::field(field, "unknown_value", known)
            })
        })
        .collect()
}

/// What serde said, as a field error with a stable code.
fn field_error(path: &str, message: &str) -> FieldError {
    let root = if path == "." || path == "?" { "" } else { path };
    let quoted = |from: &str| -> Option<String> {
        message.strip_prefix(from).and_then(|rest| rest.split('`').next()).map(str::to_owned)
    };
    let joined = |name: &str| if root.is_empty() { name.to_owned() } else { format!("{root}.{name}") };
    // serde_json appends the place in the text, which helps nobody who has the field's name.
    let words = message.rsplit_once(" at line ").map_or(message, |(words, _)| words).to_owned();
    if let Some(name) = quoted("missing field `") {
        return FieldError::new(joined(&name), "missing", words);
    }
    if let Some(name) = quoted("unknown field `") {
        // The path already names an unknown field where the reader has come to its value.
        let field =
            if root.rsplit('.').next() == Some(name.as_str()) { root.to_owned() } else { joined(&name) };
        return FieldError::new(field, "unknown", words);
    }
    if message.starts_with("unknown variant") {
        return FieldError::new(root, "unknown_value", words);
    }
    if message.starts_with("invalid type") {
        return FieldError::new(root, "wrong_type", words);
    }
    if message.starts_with("EOF") || message.starts_with("expected") || message.starts_with("key must") {
        return FieldError::new(root, "syntax", words);
    }
    FieldError::new(root, "invalid", words)
}

/// Checks a text's length in characters and that it says something.
///
/// # Errors
/// Added to `errors`.
pub fn check_text(errors: &mut Vec<FieldError>, field: &str, text: &str, max: u32) {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if text.trim().is_empty() {
        errors.push(FieldError::new(field, "missing", "had nothing, wanted a text"));
    } else if length > max {
        check_max(errors, field, text, max);
    } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        errors.push(FieldError::new(field, "invalid", "had control characters"));
    }
}

/// Checks that a text that may be empty is not too long.
///
/// # Errors
/// Added to `errors`.
pub fn check_max(errors: &mut Vec<FieldError>, field: &str, text: &str, max: u32) {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    if length > max {
        errors.push(
            FieldError::new(field, "too_long", format!("had {length} characters, wanted at most {max}"))
                .with("max", max),
        );
    }
}

/// Ends a check: nothing, or 422 with everything found.
///
/// # Errors
/// The problem with `errors`, when there are any.
pub fn checked(errors: Vec<FieldError>) -> Result<(), Problem> {
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// A value that is written as a JSON object and in no other way. Derived readers also take arrays, field by field in
/// order, which the description does not say and which nobody means.
struct Object<T>(T);

impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Object<T> {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Fields<T>(std::marker::PhantomData<T>);

        impl<'de, T: serde::Deserialize<'de>> serde::de::Visitor<'de> for Fields<T> {
            type Value = T;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map))
            }
        }

        reader.deserialize_map(Fields(std::marker::PhantomData)).map(Self)
    }
}

/// Reads a field that is an object.
///
/// # Errors
/// What the field's own reader says, and that an array is none.
pub fn object<'de, D, T>(reader: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    <Object<T> as serde::Deserialize>::deserialize(reader).map(|read| read.0)
}

/// Reads a field that is an object or null.
///
/// # Errors
/// As [`object`].
pub fn maybe_object<'de, D, T>(reader: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    <Option<Object<T>> as serde::Deserialize>::deserialize(reader).map(|read| read.map(|read| read.0))
}

/// Reads a field that is a list of objects.
///
/// # Errors
/// As [`object`].
pub fn objects<'de, D, T>(reader: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    let read = <Vec<Object<T>> as serde::Deserialize>::deserialize(reader)?;
    Ok(read.into_iter().map(|read| read.0).collect())
}

/// Reads a field that is a list of objects or null.
///
/// # Errors
/// As [`object`].
pub fn maybe_objects<'de, D, T>(reader: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    let read = <Option<Vec<Object<T>>> as serde::Deserialize>::deserialize(reader)?;
    Ok(read.map(|list| list.into_iter().map(|read| read.0).collect()))
}

/// A field of a patch that can be set to nothing: absent is `None`, null is `Some(None)`.
///
/// # Errors
/// What the field's own reader says.
pub fn said<'de, D, T>(reader: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    <Option<T> as serde::Deserialize>::deserialize(reader).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[expect(dead_code, reason = "only read")]
        name: String,
        #[serde(default)]
        limit: Option<u32>,
        #[serde(default)]
        late: Option<bool>,
    }

    async fn body(text: &str) -> Result<Asked, Problem> {
        let request = Request::builder()
            .method("POST")
            .header("content-type", "application/json; charset=utf-8")
            .body(axum::body::Body::from(text.to_owned()))
            .unwrap();
        Body::<Asked>::from_request(request, &()).await.map(|b| b.0)
    }

    async fn query(text: &str) -> Result<Asked, Problem> {
        let request = Request::builder().uri(format!("/x?{text}")).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        Filters::<Asked>::from_request_parts(&mut parts, &()).await.map(|b| b.0)
    }

    #[tokio::test]
    async fn names_the_field_of_a_body() {
        for (text, field, code) in [
            ("{}", "name", "missing"),
            (r#"{"name":1}"#, "name", "wrong_type"),
            (r#"{"name":"a","limit":-1}"#, "limit", "invalid"),
            (r#"{"name":"a","other":1}"#, "other", "unknown"),
            (r#"{"name":"a""#, "", "syntax"),
            (r#"{"name":"a"} x"#, "", "syntax"),
            (r#"["a", 3]"#, "", "wrong_type"),
        ] {
            let problem = body(text).await.unwrap_err();
            assert_eq!(problem.errors.len(), 1, "{text}");
            assert_eq!((problem.errors[0].field.as_str(), &*problem.errors[0].code), (field, code), "{text}");
        }
        assert!(body(r#"{"name":"a","limit":3}"#).await.is_ok());
    }

    #[tokio::test]
    async fn names_the_field_of_a_query() {
        for (text, field) in
            [("name=a&limit=x", "limit"), ("name=a&late=yes", "late"), ("name=a&no=1", "no"), ("", "name")]
        {
            let problem = query(text).await.unwrap_err();
            assert_eq!(problem.errors[0].field, field, "{text}: {problem:?}");
        }
        let read = query("name=a&limit=5&late=true").await.unwrap();
        assert_eq!((read.limit, read.late), (Some(5), Some(true)));
        assert_eq!(query("name=a&limit=").await.unwrap().limit, None);
    }

    #[tokio::test]
    async fn wants_json() {
        let request = Request::builder().method("POST").body(axum::body::Body::from("{}")).unwrap();
        let problem = Body::<Asked>::from_request(request, &()).await.unwrap_err();
        assert_eq!(problem.code, Code::UnsupportedMediaType);
    }
}

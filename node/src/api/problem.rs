//! Errors as `application/problem+json` (RFC 9457).

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::types::Problem;
use crate::{
    config::ProbeError, destination::DestinationError, market::MarketError, registry::RegistryError, settlement,
    store::StoreError,
};

/// Why a request was not served.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    fn of(status: StatusCode, code: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        Self::new(status, code, causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!(code = self.code, detail = self.detail, "a request failed");
        }
        let problem = Problem {
            kind: format!("urn:hashlease:problem:{}", self.code),
            title: self.code.replace('-', " "),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.to_owned(),
        };
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], Json(problem)).into_response()
    }
}

impl From<MarketError> for Failure {
    fn from(error: MarketError) -> Self {
        let (status, code) = match &error {
            MarketError::Refused(_) | MarketError::Guard(_) => (StatusCode::UNPROCESSABLE_ENTITY, "order-refused"),
            MarketError::NoCapacity { .. } => (StatusCode::CONFLICT, "no-capacity"),
            MarketError::UnknownOrder(_) => (StatusCode::NOT_FOUND, "no-such-order"),
            MarketError::Store(_) | MarketError::Registry(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store-failed"),
            MarketError::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        };
        Self::of(status, code, &error)
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let (status, code) = match &error {
            RegistryError::Illegal { .. } => (StatusCode::CONFLICT, "not-now"),
            RegistryError::UnknownLease(_) => (StatusCode::NOT_FOUND, "no-such-lease"),
            RegistryError::UnknownCall(_) => (StatusCode::NOT_FOUND, "no-such-call"),
            RegistryError::Store(_) | RegistryError::Index(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store-failed"),
        };
        Self::of(status, code, &error)
    }
}

impl From<DestinationError> for Failure {
    fn from(error: DestinationError) -> Self {
        Self::of(StatusCode::UNPROCESSABLE_ENTITY, "destination-refused", &error)
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        let (status, code) = match &error {
            ProbeError::NoUser | ProbeError::NoPassword | ProbeError::Destination(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "destination-refused")
            }
            ProbeError::DataDir(_) => (StatusCode::INTERNAL_SERVER_ERROR, "no-password-file"),
        };
        Self::of(status, code, &error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, "store-failed", &error)
    }
}

impl From<settlement::Error> for Failure {
    fn from(error: settlement::Error) -> Self {
        Self::of(StatusCode::BAD_GATEWAY, "chain-unreachable", &error)
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "bad-body", rejection.body_text())
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "bad-path", rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "bad-query", rejection.body_text())
    }
}

//! [`Api`]: what all requests share, and the way of a request through its stages.

use super::access::{Access, Options as AccessOptions};
use super::admission::Chain;
use super::authn::OptionsError;
use super::authz::Attributes;
use super::body::{Body, BodyError};
use super::bootstrap::Facts;
use super::call::Call;
use super::custom::Custom;
use super::decode::BodyKind;
use super::documents::Documents;
use super::expiry::Expiry;
use super::found::Found;
use super::handlers;
use super::health::Health;
use super::limits::{BODY_BYTES_MAX, BODY_TIMEOUT};
use super::list::Room;
use super::metrics::Metrics;
use super::negotiate::{self, Form, Media, Offers, Wanted};
use super::object::Stored;
use super::openid::OpenId;
use super::query::Query;
use super::recent::Recent;
use super::reply::Reply;
use super::request::RequestInfo;
use super::respond::{self, Shown};
use super::storage::Storage;
use super::turns::Turns;
use super::user::User;
use super::watch::Kinds;
use super::{clock, deadline, decode};
use crate::exposition;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use xebec_core::registry::{Registry, Selection, SharedRegistry, Verb};
use xebec_core::schema::BUILT_IN;
use xebec_core::status::Status;
use xebec_core::value::Object;
use xebec_raft::Replica;

/// What the keys of Events begin with.
const EVENTS: &str = "/registry/events/";

/// What an [`Api`] has to be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Addresses of Services.
    pub service_ranges: Vec<IpNet>,
    /// Refuses `externalIPs` of Services: without, whoever may make Services can take over traffic
    /// to any address (CVE-2020-8554). Upstream leaves the choice to its user too.
    pub deny_external_ips: bool,
    /// How long Events stay.
    pub event_ttl: Duration,
    /// Where clients reach this replica, as `address:port`.
    pub address: String,
    /// Who may do what.
    pub access: AccessOptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_ranges: vec![IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16))],
            deny_external_ips: false,
            event_ttl: Duration::from_hours(1),
            address: "127.0.0.1:6443".to_owned(),
            access: AccessOptions::default(),
        }
    }
}

/// Shared by all requests of a server.
pub struct Api {
    pub storage: Storage,
    pub registry: Arc<SharedRegistry>,
    pub admission: Chain,
    pub documents: Documents,
    pub health: Health,
    pub access: Access,
    pub custom: Custom,
    pub facts: Facts,
    pub watches: Kinds,
    pub openid: Option<OpenId>,
    pub metrics: Arc<Metrics>,
    pub turns: Turns,
    pub lists: Room,
    pub recent: Recent,
}

impl Api {
    pub fn new(replica: Replica, settings: Settings) -> Result<Self, OptionsError> {
        let registry = SharedRegistry::new(Registry::built_in(Selection::Default));
        let registry = Arc::new(registry);
        let storage = Storage::new(replica);
        let admission = Chain::new(&settings);
        let facts = Facts {
            service_ranges: settings.service_ranges.clone(),
            address: settings.address.parse().ok(),
            client_ca_pem: settings.access.authentication.client_ca_pem.clone(),
            aggregate_roles: settings.access.aggregate_roles,
        };
        let access = Access::new(settings.access, storage.clone())?;
        let events = Expiry::new(EVENTS, settings.event_ttl);
        let custom = Custom::new(registry.clone());
        let storage = storage.settling(access.settled()).settling(custom.settled());
        let storage = storage.expiring(events);
        let accounts = access.authentication.tokens().accounts();
        let openid = accounts.and_then(|accounts| OpenId::new(accounts, &settings.address));
        Ok(Self {
            documents: Documents::new(registry.clone(), settings.address),
            health: Health::new(storage.clone()),
            storage,
            registry,
            admission,
            access,
            custom,
            facts,
            watches: Kinds::default(),
            openid,
            metrics: Arc::default(),
            turns: Turns::default(),
            lists: Room::default(),
            recent: Recent::default(),
        })
    }

    /// Answers one request of an authenticated user, or says that there is none.
    pub async fn handle<B>(
        self: &Arc<Self>,
        user: Result<User, Status>,
        request: Request<B>,
    ) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<BodyError>,
    {
        let (head, body) = request.into_parts();
        let mut call = take_apart(head);
        let measured = self.metrics.begin(&call, &self.registry.load());
        let mut response = match self.try_handle(&mut call, user, body).await {
            Ok(response) => response,
            Err(status) => respond::failure(&call, &status),
        };
        respond::add_warnings(&mut response, &call.warnings);
        measured.end(response.status().as_u16(), response.body().whole_len());
        if measured.is_long_running() {
            // It lasts until the connection has sent the body.
            response.extensions_mut().insert(Arc::new(measured));
        }
        response
    }

    async fn try_handle<B>(
        self: &Arc<Self>,
        call: &mut Call,
        user: Result<User, Status>,
        body: B,
    ) -> Result<Response<Body>, Status>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<BodyError>,
    {
        let deadline = deadline::of(call)?;
        let done = async {
            self.let_in(call, user).await?;
            call.body = read_body(call, body, BODY_TIMEOUT).await?;
            self.answer(call).await
        };
        let Some(deadline) = deadline else { return done.await };
        let late = |_| Status::timeout("request did not complete within the allotted timeout", 0);
        timeout(deadline, done).await.map_err(late)?
    }

    /// Settles on whose behalf the request is made, and that it may be.
    async fn let_in(&self, call: &mut Call, user: Result<User, Status>) -> Result<(), Status> {
        call.user = user?;
        if let Some(user) = self.access.impersonate(&call.user, &call.info, &call.headers).await? {
            call.user = user;
        }
        self.access.authorize(&call.user, &call.info).await
    }

    /// Whether a client that may write an object may also create it where there is none.
    pub fn may_create(&self, call: &Call) -> Result<(), Status> {
        let create = Attributes { verb: "create", ..Attributes::of(&call.user, &call.info) };
        self.access.authorization.check(&create)
    }

    /// Requests for no resource.
    async fn answer_other(&self, call: &Call) -> Result<Response<Body>, Status> {
        if let Some(response) = self.health.answer(call).await {
            return Ok(response);
        }
        if let Some(response) = self.openid.as_ref().and_then(|openid| openid.answer(call)) {
            return Ok(response);
        }
        if call.info.path == "/metrics" {
            let text = self.metrics.show(&self.storage, &self.registry.load());
            let mut response = respond::head(200, exposition::CONTENT_TYPE);
            *response.body_mut() = text.into();
            return Ok(response);
        }
        match self.documents.answer(call).await {
            Some(answer) => answer,
            None => Ok(respond::text(404, "404 page not found\n")),
        }
    }

    /// The resource of a request. It may have been defined on another replica just now.
    async fn find(&self, call: &Call) -> Result<Found, Status> {
        let found = Found::of(&call.info, &self.registry.load());
        if found.is_ok() || call.info.group.is_empty() {
            return found;
        }
        self.custom.catch_up(&self.storage).await?;
        Found::of(&call.info, &self.registry.load())
    }

    async fn answer(self: &Arc<Self>, call: &mut Call) -> Result<Response<Body>, Status> {
        if !call.info.is_resource {
            return self.answer_other(call).await;
        }
        let found = self.find(call).await?;
        call.warn(found.version().deprecation.as_deref().map(str::to_owned));
        if matches!(call.info.verb, "list" | "watch") {
            return match handlers::handle(self, call, &found).await? {
                Reply::Raw(response) => Ok(response),
                _ => Err(Status::internal("a list is written by its handler")),
            };
        }
        // What cannot be answered is not done.
        let wanted = negotiate::negotiate(call, offers(&found))?;
        let reply = handlers::handle(self, call, &found).await?;
        write(call, &found, &wanted, reply)
    }
}

fn offers(found: &Found) -> Offers {
    let own_kind = found.subresource_entry().is_none_or(|entry| entry.kind == found.resource.kind);
    // What cannot be read, such as a review, has no columns either.
    let tables = own_kind && found.resource.verbs.has(Verb::Get);
    Offers { protobuf: !found.resource.custom, tables, metadata: own_kind }
}

/// Everything about a request but its body.
fn take_apart(head: Parts) -> Call {
    let query = Query::parse(head.uri.query().unwrap_or_default());
    Call {
        info: RequestInfo::new(&head.method, head.uri.path(), &query),
        method: head.method,
        query,
        headers: head.headers,
        body: Bytes::new(),
        user: User::default(),
        now: clock::now(),
        warnings: Vec::new(),
    }
}

/// The whole body, if it is not too large and comes in time.
async fn read_body<B>(call: &Call, body: B, patience: Duration) -> Result<Bytes, Status>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: Into<BodyError>,
{
    let too_large = || Status::too_large(format!("limit is {BODY_BYTES_MAX}"));
    let announced = call.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let announced = announced.and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let whole = timeout(patience, Limited::new(Box::pin(body), BODY_BYTES_MAX).collect()).await;
    match whole {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Status::bad_request(format!("the body did not arrive: {error}"))),
        Err(_) => Err(Status::timeout("the body did not arrive in time", 0)),
    }
}

/// Writes a reply in the wanted form.
fn write(
    call: &Call,
    found: &Found,
    wanted: &Wanted,
    reply: Reply,
) -> Result<Response<Body>, Status> {
    match reply {
        Reply::Raw(response) => Ok(response),
        Reply::Object { code, object } => write_object(call, found, (wanted, code), object),
        Reply::Stored(stored) => write_stored(call, found, wanted, &stored),
        Reply::List(list) => {
            let message = decode::list_message(found);
            let shown = Shown { object: &list, schema: found.target().schema(), message };
            Ok(respond::object(wanted, 200, shown))
        }
        Reply::Status { code, status } => {
            let message = decode::built_in("meta.k8s.io", "v1", "Status");
            let shown = Shown { object: &status, schema: &BUILT_IN, message };
            let wanted = Wanted { form: Form::Object, ..wanted.clone() };
            Ok(respond::object(&wanted, code, shown))
        }
    }
}

fn write_object(
    call: &Call,
    found: &Found,
    (wanted, code): (&Wanted, u16),
    object: Object,
) -> Result<Response<Body>, Status> {
    if wanted.form == Form::Object {
        let kind = BodyKind::of(found);
        let shown = Shown { object: &object, schema: kind.schema, message: Some(kind.message) };
        return Ok(respond::object(wanted, code, shown));
    }
    let place = (&*found.resource, found.version());
    let object = respond::transform(wanted, call, place, object)?;
    let message = decode::built_in("meta.k8s.io", "v1", "PartialObjectMetadata");
    let shown = Shown { object: &object, schema: &BUILT_IN, message };
    Ok(respond::object(wanted, code, shown))
}

/// A stored object goes out without being read where its form allows it.
fn write_stored(
    call: &Call,
    found: &Found,
    wanted: &Wanted,
    stored: &Stored,
) -> Result<Response<Body>, Status> {
    let as_stored = found.version().name == found.resource.stored_version().name;
    let plain = wanted.form == Form::Object && wanted.media == Media::Json && !wanted.pretty;
    if plain
        && as_stored
        && found.resource.stored_as.is_none()
        // Its schema may have changed since.
        && !found.resource.custom
        && let Some(json) = stored.json()
    {
        return Ok(respond::bytes_in(wanted, 200, json));
    }
    let object = handlers::to_client(found, stored.object()?)?;
    write_object(call, found, (wanted, 200), object)
}

/// 405 with the methods that there are.
pub fn with_allow(mut response: Response<Body>, methods: &'static str) -> Response<Body> {
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::call::tests::call;
    use http_body_util::{Full, StreamBody};
    use std::convert::Infallible;

    #[tokio::test]
    async fn bodies_are_whole_and_in_time_and_not_too_large() {
        let call = call("POST", "/api/v1/namespaces", "");
        let whole = |len| Full::new(Bytes::from(vec![b' '; len]));
        let read = read_body(&call, whole(BODY_BYTES_MAX), BODY_TIMEOUT).await;
        assert_eq!(read.map(|bytes| bytes.len()), Ok(BODY_BYTES_MAX));
        let read = read_body(&call, whole(BODY_BYTES_MAX + 1), BODY_TIMEOUT).await;
        assert_eq!(read.map_err(|status| status.code), Err(413));
        let endless = futures::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>();
        let read = read_body(&call, StreamBody::new(endless), Duration::from_millis(1)).await;
        assert_eq!(read.map_err(|status| status.code), Err(504));
    }
}

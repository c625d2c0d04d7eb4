//! The Auth service. There are no users: access is by client certificate. Clients learn that
//! authentication is off, and that it cannot be turned on.

use super::context::Context;
use super::errors;
use super::proto::etcdserverpb as pb;
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// etcd's auth revision before authentication was ever enabled.
const AUTH_REVISION: u64 = 1;

pub struct Auth {
    context: Arc<Context>,
}

impl Auth {
    pub fn new(context: Arc<Context>) -> Self {
        Self { context }
    }
}

macro_rules! auth_service {
    ($($method:ident: $request:ident => $response:ident;)+) => {
        #[tonic::async_trait]
        impl pb::auth_server::Auth for Auth {
            async fn auth_status(
                &self,
                _: Request<pb::AuthStatusRequest>,
            ) -> Result<Response<pb::AuthStatusResponse>, Status> {
                Ok(Response::new(pb::AuthStatusResponse {
                    header: Some(self.context.current_header()),
                    enabled: false,
                    auth_revision: AUTH_REVISION,
                }))
            }

            /// A client that was given a user name goes on without a token when it hears this.
            async fn authenticate(
                &self,
                _: Request<pb::AuthenticateRequest>,
            ) -> Result<Response<pb::AuthenticateResponse>, Status> {
                Err(errors::AUTH_NOT_ENABLED.into())
            }

            $(async fn $method(
                &self,
                _: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                let text = "etcdserver: users and roles are not supported; use client certificates";
                Err(Status::unimplemented(text))
            })+
        }
    };
}

auth_service! {
    auth_enable: AuthEnableRequest => AuthEnableResponse;
    auth_disable: AuthDisableRequest => AuthDisableResponse;
    user_add: AuthUserAddRequest => AuthUserAddResponse;
    user_get: AuthUserGetRequest => AuthUserGetResponse;
    user_list: AuthUserListRequest => AuthUserListResponse;
    user_delete: AuthUserDeleteRequest => AuthUserDeleteResponse;
    user_change_password: AuthUserChangePasswordRequest => AuthUserChangePasswordResponse;
    user_grant_role: AuthUserGrantRoleRequest => AuthUserGrantRoleResponse;
    user_revoke_role: AuthUserRevokeRoleRequest => AuthUserRevokeRoleResponse;
    role_add: AuthRoleAddRequest => AuthRoleAddResponse;
    role_get: AuthRoleGetRequest => AuthRoleGetResponse;
    role_list: AuthRoleListRequest => AuthRoleListResponse;
    role_delete: AuthRoleDeleteRequest => AuthRoleDeleteResponse;
    role_grant_permission: AuthRoleGrantPermissionRequest => AuthRoleGrantPermissionResponse;
    role_revoke_permission: AuthRoleRevokePermissionRequest => AuthRoleRevokePermissionResponse;
}

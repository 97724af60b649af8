BEGIN TRANSACTION;
CREATE TABLE access_rules (
	id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	service VARCHAR(64) NOT NULL, 
	method VARCHAR(16) NOT NULL, 
	path VARCHAR(225) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT uq_access_rule UNIQUE (user_id, service, method, path)
);
CREATE TABLE access_tokens (
	id VARCHAR(64) NOT NULL, 
	consumer_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	secret TEXT NOT NULL, 
	role_ids JSON NOT NULL, 
	expires_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(consumer_id) REFERENCES consumers (id) ON DELETE CASCADE, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE application_credential_access (
	application_credential_id VARCHAR(64) NOT NULL, 
	access_rule_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (application_credential_id, access_rule_id), 
	FOREIGN KEY(access_rule_id) REFERENCES access_rules (id), 
	FOREIGN KEY(application_credential_id) REFERENCES application_credentials (id) ON DELETE CASCADE
);
CREATE TABLE application_credential_roles (
	application_credential_id VARCHAR(64) NOT NULL, 
	role_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (application_credential_id, role_id), 
	FOREIGN KEY(application_credential_id) REFERENCES application_credentials (id) ON DELETE CASCADE, 
	FOREIGN KEY(role_id) REFERENCES roles (id) ON DELETE CASCADE
);
INSERT INTO "application_credential_roles" VALUES('536706c931604af1a6bdaf5ca055345c','f15bad01c04d4559aadf65e6fe062233');
INSERT INTO "application_credential_roles" VALUES('536706c931604af1a6bdaf5ca055345c','0bafb133ac48451595937ba731a36024');
CREATE TABLE application_credentials (
	id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description TEXT, 
	secret_hash VARCHAR(255) NOT NULL, 
	unrestricted BOOLEAN NOT NULL, 
	restricted_paths BOOLEAN NOT NULL, 
	expires_at DATETIME, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT uq_application_credential_name UNIQUE (user_id, name)
);
INSERT INTO "application_credentials" VALUES('536706c931604af1a6bdaf5ca055345c','666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','kept',NULL,'sha256$c124923a50857e91f0050c293cc262b4bef204ab81970457199f4fe4e637f899',0,0,NULL,'2026-11-30 00:07:10.211696');
CREATE TABLE assignments (
	actor_id VARCHAR(64) NOT NULL, 
	target_id VARCHAR(64) NOT NULL, 
	role_id VARCHAR(64) NOT NULL, 
	inherited BOOLEAN NOT NULL, 
	target VARCHAR(8) NOT NULL, 
	actor VARCHAR(8) NOT NULL, 
	PRIMARY KEY (actor_id, target_id, role_id, inherited, target), 
	FOREIGN KEY(role_id) REFERENCES roles (id) ON DELETE CASCADE
);
INSERT INTO "assignments" VALUES('8160e5fa067040a991481b0004b895b2','86b6e44b20964b15b09269a000739d38','3266d5f5b69d4e75aee48b73ee001dda',0,'project','user');
INSERT INTO "assignments" VALUES('8160e5fa067040a991481b0004b895b2','default','3266d5f5b69d4e75aee48b73ee001dda',0,'domain','user');
INSERT INTO "assignments" VALUES('8160e5fa067040a991481b0004b895b2','all','3266d5f5b69d4e75aee48b73ee001dda',0,'system','user');
INSERT INTO "assignments" VALUES('666862a08f4141e39bc05048a3829812','65e57d3bd1244723988403849bb03570','f15bad01c04d4559aadf65e6fe062233',0,'project','user');
INSERT INTO "assignments" VALUES('8160e5fa067040a991481b0004b895b2','65e57d3bd1244723988403849bb03570','3266d5f5b69d4e75aee48b73ee001dda',0,'project','user');
INSERT INTO "assignments" VALUES('62fc374ad8f94bd79b40517f92a12c25','6f6c25d6a5014a2392c5c7bf29b4d5b5','7b5817c7219a4eb5b69568520ceb0b0a',0,'project','user');
INSERT INTO "assignments" VALUES('62fc374ad8f94bd79b40517f92a12c25','6f6c25d6a5014a2392c5c7bf29b4d5b5','3266d5f5b69d4e75aee48b73ee001dda',0,'project','user');
INSERT INTO "assignments" VALUES('7f736bc7da654d92a1be61c818fb8e0c','6f6c25d6a5014a2392c5c7bf29b4d5b5','7b5817c7219a4eb5b69568520ceb0b0a',0,'project','user');
INSERT INTO "assignments" VALUES('7f736bc7da654d92a1be61c818fb8e0c','6f6c25d6a5014a2392c5c7bf29b4d5b5','3266d5f5b69d4e75aee48b73ee001dda',0,'project','user');
INSERT INTO "assignments" VALUES('808dfc03d32f43f28b60780e202f365d','6f6c25d6a5014a2392c5c7bf29b4d5b5','7b5817c7219a4eb5b69568520ceb0b0a',0,'project','user');
INSERT INTO "assignments" VALUES('808dfc03d32f43f28b60780e202f365d','6f6c25d6a5014a2392c5c7bf29b4d5b5','3266d5f5b69d4e75aee48b73ee001dda',0,'project','user');
INSERT INTO "assignments" VALUES('e63051ee55a0437f8dbc848febd68993','6f6c25d6a5014a2392c5c7bf29b4d5b5','7b5817c7219a4eb5b69568520ceb0b0a',0,'project','user');
INSERT INTO "assignments" VALUES('e63051ee55a0437f8dbc848febd68993','6f6c25d6a5014a2392c5c7bf29b4d5b5','3266d5f5b69d4e75aee48b73ee001dda',0,'project','user');
INSERT INTO "assignments" VALUES('56f26f0e00f44029baeddc8b04c62b6e','6f6c25d6a5014a2392c5c7bf29b4d5b5','7b5817c7219a4eb5b69568520ceb0b0a',0,'project','user');
INSERT INTO "assignments" VALUES('56f26f0e00f44029baeddc8b04c62b6e','6f6c25d6a5014a2392c5c7bf29b4d5b5','3266d5f5b69d4e75aee48b73ee001dda',0,'project','user');
INSERT INTO "assignments" VALUES('30f48aec8814453f82f067507b3f5bcf','6f6c25d6a5014a2392c5c7bf29b4d5b5','7b5817c7219a4eb5b69568520ceb0b0a',0,'project','user');
INSERT INTO "assignments" VALUES('30f48aec8814453f82f067507b3f5bcf','6f6c25d6a5014a2392c5c7bf29b4d5b5','3266d5f5b69d4e75aee48b73ee001dda',0,'project','user');
INSERT INTO "assignments" VALUES('808dfc03d32f43f28b60780e202f365d','6f6c25d6a5014a2392c5c7bf29b4d5b5','f0b1329e95354f11b0ba31b2f41cc558',0,'project','user');
INSERT INTO "assignments" VALUES('b94cb79fc8b547c6adb1775282a43b8f','2cf69d41dba042a3a06ff8b1db8861ea','f15bad01c04d4559aadf65e6fe062233',0,'project','user');
CREATE TABLE consumers (
	id VARCHAR(64) NOT NULL, 
	description TEXT, 
	secret TEXT NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE credentials (
	id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	project_id VARCHAR(64), 
	type VARCHAR(255) NOT NULL, 
	blob TEXT NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "credentials" VALUES('eaa6dc37b01348529d23b2b78148ccaf','b94cb79fc8b547c6adb1775282a43b8f',NULL,'totp','gAAAAABrDL4u6l23cj3RYUnEpH1ZlzT80hoCJ4pNH47pPznclJQMN85Jj2AQuce6AZmM3wZzPzurh4ciQVwDWmJgWCUACSzKD6azKFfnkny5ssvzw0sfnTQ=','{}');
CREATE TABLE domain_options (
	domain_id VARCHAR(64) NOT NULL, 
	"group" VARCHAR(64) NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY (domain_id, "group", name), 
	FOREIGN KEY(domain_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE TABLE endpoint_groups (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description TEXT, 
	filters JSON NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE endpoints (
	id VARCHAR(64) NOT NULL, 
	service_id VARCHAR(64) NOT NULL, 
	region_id VARCHAR(255), 
	interface VARCHAR(8) NOT NULL, 
	url TEXT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(region_id) REFERENCES regions (id), 
	FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE
);
INSERT INTO "endpoints" VALUES('7a09171e731e4172b29a57e75ac42285','6719d3148c2949c0ad1a9e0f9bf7d503','RegionOne','public','http://127.0.0.1:5890/v3',1,'{}');
INSERT INTO "endpoints" VALUES('c29f41fb948f405ebf70a7a6307a13dd','6719d3148c2949c0ad1a9e0f9bf7d503','RegionOne','internal','http://127.0.0.1:5890/v3',1,'{}');
INSERT INTO "endpoints" VALUES('141c579a652248e78a0a9f9e960c7cb2','6719d3148c2949c0ad1a9e0f9bf7d503','RegionOne','admin','http://127.0.0.1:5890/v3',1,'{}');
INSERT INTO "endpoints" VALUES('7a533a5e3492455a8c5a01087149a9bf','69035066de424edd9f1e9b8c670e46da','RegionOne','public','http://127.0.0.1:9664/v2.1',1,'{}');
INSERT INTO "endpoints" VALUES('1d01eafab1df48fc84ad0af22ae6ede0','69035066de424edd9f1e9b8c670e46da','RegionOne','internal','http://127.0.0.1:9664/v2.1',1,'{}');
INSERT INTO "endpoints" VALUES('cc9c004a033742db9558f0947bed2704','69035066de424edd9f1e9b8c670e46da','RegionOne','admin','http://127.0.0.1:9664/v2.1',1,'{}');
INSERT INTO "endpoints" VALUES('d37b2c047dab454aa900fbc265d26971','c7e3696cf71a49b6b1dc472144bf7b2e','RegionOne','public','http://127.0.0.1:10182',1,'{}');
INSERT INTO "endpoints" VALUES('f5471b436985484ea976339d5159c0a0','c7e3696cf71a49b6b1dc472144bf7b2e','RegionOne','internal','http://127.0.0.1:10182',1,'{}');
INSERT INTO "endpoints" VALUES('e9f72a38290b42d4b59a3afe38eaf811','c7e3696cf71a49b6b1dc472144bf7b2e','RegionOne','admin','http://127.0.0.1:10182',1,'{}');
INSERT INTO "endpoints" VALUES('d72fdc9748fc4591be41e36886948ec7','3cfb7479154c4eee94d8578650751257','RegionOne','public','http://127.0.0.1:10586',1,'{}');
INSERT INTO "endpoints" VALUES('f029c1ab17c544bbaa79318776d3f3f2','3cfb7479154c4eee94d8578650751257','RegionOne','internal','http://127.0.0.1:10586',1,'{}');
INSERT INTO "endpoints" VALUES('541a938541624a2085c94b3b3ff75466','3cfb7479154c4eee94d8578650751257','RegionOne','admin','http://127.0.0.1:10586',1,'{}');
INSERT INTO "endpoints" VALUES('d328d5faf64c4f74aa8dcbf24ff8d0eb','7d82c0b4f5784799baf60c17fa691eb8','RegionOne','public','http://127.0.0.1:9666/v3/$(project_id)s',1,'{}');
INSERT INTO "endpoints" VALUES('ee4f9d2df9bf49bbbe9aa8ad517b7156','7d82c0b4f5784799baf60c17fa691eb8','RegionOne','internal','http://127.0.0.1:9666/v3/$(project_id)s',1,'{}');
INSERT INTO "endpoints" VALUES('84859201cd064e4ea45be8b5210f78b3','7d82c0b4f5784799baf60c17fa691eb8','RegionOne','admin','http://127.0.0.1:9666/v3/$(project_id)s',1,'{}');
INSERT INTO "endpoints" VALUES('3d975810585a4f078643d33fb86f3169','234ddf78492e41fea70bf7ec6dc98019','RegionOne','public','http://127.0.0.1:9666/v3/$(project_id)s',1,'{}');
INSERT INTO "endpoints" VALUES('061d719e975e417fa95b2276b83ee57c','234ddf78492e41fea70bf7ec6dc98019','RegionOne','internal','http://127.0.0.1:9666/v3/$(project_id)s',1,'{}');
INSERT INTO "endpoints" VALUES('274b037df55c446b817e7c0395ba0bf4','234ddf78492e41fea70bf7ec6dc98019','RegionOne','admin','http://127.0.0.1:9666/v3/$(project_id)s',1,'{}');
INSERT INTO "endpoints" VALUES('77f26d3d23e24ac2b136f4e8c680d4de','5b5cda5fc2d24e17b419a85721370dc4','RegionOne','public','http://127.0.0.1:8970/v1/AUTH_$(project_id)s',1,'{}');
INSERT INTO "endpoints" VALUES('78f8bf2b6f78464c808561897d28f736','5b5cda5fc2d24e17b419a85721370dc4','RegionOne','internal','http://127.0.0.1:8970/v1/AUTH_$(project_id)s',1,'{}');
INSERT INTO "endpoints" VALUES('32bbc11780ee4f649ab3f0dd0f06c16e','5b5cda5fc2d24e17b419a85721370dc4','RegionOne','admin','http://127.0.0.1:8970/v1/AUTH_$(project_id)s',1,'{}');
CREATE TABLE groups (
	id VARCHAR(64) NOT NULL, 
	domain_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description TEXT NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(domain_id) REFERENCES projects (id), 
	CONSTRAINT uq_group_name UNIQUE (domain_id, name)
);
CREATE TABLE implied_roles (
	prior_id VARCHAR(64) NOT NULL, 
	implied_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (prior_id, implied_id), 
	FOREIGN KEY(implied_id) REFERENCES roles (id) ON DELETE CASCADE, 
	FOREIGN KEY(prior_id) REFERENCES roles (id) ON DELETE CASCADE
);
INSERT INTO "implied_roles" VALUES('f15bad01c04d4559aadf65e6fe062233','0bafb133ac48451595937ba731a36024');
INSERT INTO "implied_roles" VALUES('3266d5f5b69d4e75aee48b73ee001dda','4ee3b07616154664ba744b5de90e7aec');
INSERT INTO "implied_roles" VALUES('4ee3b07616154664ba744b5de90e7aec','f15bad01c04d4559aadf65e6fe062233');
CREATE TABLE ledger (
	id INTEGER NOT NULL, 
	serial INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "ledger" VALUES(1,2);
CREATE TABLE limits (
	id VARCHAR(64) NOT NULL, 
	registered_limit_id VARCHAR(64) NOT NULL, 
	owner_id VARCHAR(64) NOT NULL, 
	resource_limit INTEGER NOT NULL, 
	description TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(owner_id) REFERENCES projects (id) ON DELETE CASCADE, 
	FOREIGN KEY(registered_limit_id) REFERENCES registered_limits (id), 
	CONSTRAINT uq_limit UNIQUE (registered_limit_id, owner_id)
);
CREATE TABLE lineages (
	project_id VARCHAR(64) NOT NULL, 
	ancestor_id VARCHAR(64) NOT NULL, 
	distance INTEGER NOT NULL, 
	PRIMARY KEY (project_id, ancestor_id), 
	FOREIGN KEY(ancestor_id) REFERENCES projects (id) ON DELETE CASCADE, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
INSERT INTO "lineages" VALUES('default','default',0);
INSERT INTO "lineages" VALUES('86b6e44b20964b15b09269a000739d38','86b6e44b20964b15b09269a000739d38',0);
INSERT INTO "lineages" VALUES('86b6e44b20964b15b09269a000739d38','default',1);
INSERT INTO "lineages" VALUES('6f6c25d6a5014a2392c5c7bf29b4d5b5','6f6c25d6a5014a2392c5c7bf29b4d5b5',0);
INSERT INTO "lineages" VALUES('6f6c25d6a5014a2392c5c7bf29b4d5b5','default',1);
INSERT INTO "lineages" VALUES('65e57d3bd1244723988403849bb03570','65e57d3bd1244723988403849bb03570',0);
INSERT INTO "lineages" VALUES('65e57d3bd1244723988403849bb03570','default',1);
INSERT INTO "lineages" VALUES('2cf69d41dba042a3a06ff8b1db8861ea','2cf69d41dba042a3a06ff8b1db8861ea',0);
INSERT INTO "lineages" VALUES('2cf69d41dba042a3a06ff8b1db8861ea','default',1);
CREATE TABLE memberships (
	user_id VARCHAR(64) NOT NULL, 
	group_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (user_id, group_id), 
	FOREIGN KEY(group_id) REFERENCES groups (id) ON DELETE CASCADE, 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE old_passwords (
	id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64) NOT NULL, 
	hash VARCHAR(255) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE policies (
	id VARCHAR(64) NOT NULL, 
	type VARCHAR(255) NOT NULL, 
	blob TEXT NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE project_endpoint_groups (
	project_id VARCHAR(64) NOT NULL, 
	group_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (project_id, group_id), 
	FOREIGN KEY(group_id) REFERENCES endpoint_groups (id) ON DELETE CASCADE, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE TABLE project_endpoints (
	project_id VARCHAR(64) NOT NULL, 
	endpoint_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (project_id, endpoint_id), 
	FOREIGN KEY(endpoint_id) REFERENCES endpoints (id) ON DELETE CASCADE, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE TABLE project_tags (
	project_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	PRIMARY KEY (project_id, name), 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE
);
CREATE TABLE projects (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	is_domain BOOLEAN NOT NULL, 
	domain_id VARCHAR(64), 
	parent_id VARCHAR(64), 
	description TEXT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	options JSON NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(domain_id) REFERENCES projects (id), 
	FOREIGN KEY(parent_id) REFERENCES projects (id), 
	CONSTRAINT uq_project_name UNIQUE (domain_id, name)
);
INSERT INTO "projects" VALUES('default','Default',1,NULL,NULL,'The default domain',1,'{}','{}');
INSERT INTO "projects" VALUES('86b6e44b20964b15b09269a000739d38','admin',0,'default','default','',1,'{}','{}');
INSERT INTO "projects" VALUES('6f6c25d6a5014a2392c5c7bf29b4d5b5','service',0,'default','default','',1,'{}','{}');
INSERT INTO "projects" VALUES('65e57d3bd1244723988403849bb03570','demo',0,'default','default','',1,'{}','{}');
INSERT INTO "projects" VALUES('2cf69d41dba042a3a06ff8b1db8861ea','kept',0,'default','default','',1,'{}','{}');
CREATE TABLE regions (
	id VARCHAR(255) NOT NULL, 
	parent_id VARCHAR(255), 
	description TEXT NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(parent_id) REFERENCES regions (id)
);
INSERT INTO "regions" VALUES('RegionOne',NULL,'','{}');
CREATE TABLE registered_limits (
	id VARCHAR(64) NOT NULL, 
	service_id VARCHAR(64) NOT NULL, 
	region_id VARCHAR(255) NOT NULL, 
	resource_name VARCHAR(255) NOT NULL, 
	default_limit INTEGER NOT NULL, 
	description TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(service_id) REFERENCES services (id) ON DELETE CASCADE, 
	CONSTRAINT uq_registered_limit UNIQUE (service_id, region_id, resource_name)
);
CREATE TABLE request_tokens (
	id VARCHAR(64) NOT NULL, 
	consumer_id VARCHAR(64) NOT NULL, 
	project_id VARCHAR(64) NOT NULL, 
	secret TEXT NOT NULL, 
	expires_at DATETIME, 
	user_id VARCHAR(64), 
	role_ids JSON NOT NULL, 
	verifier_hash VARCHAR(255), 
	PRIMARY KEY (id), 
	FOREIGN KEY(consumer_id) REFERENCES consumers (id) ON DELETE CASCADE, 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE revocations (
	serial INTEGER NOT NULL, 
	kills BOOLEAN NOT NULL, 
	user_id VARCHAR(64), 
	project_id VARCHAR(64), 
	domain_id VARCHAR(64), 
	role_id VARCHAR(64), 
	audit_id VARCHAR(32), 
	"before" DATETIME NOT NULL, 
	PRIMARY KEY (serial)
);
INSERT INTO "revocations" VALUES(1,0,NULL,NULL,NULL,NULL,NULL,'2026-11-30 00:05:23.473175');
INSERT INTO "revocations" VALUES(2,0,'b94cb79fc8b547c6adb1775282a43b8f','2cf69d41dba042a3a06ff8b1db8861ea',NULL,NULL,NULL,'2026-11-30 00:07:10.870198');
CREATE TABLE roles (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	domain_id VARCHAR(64), 
	description TEXT, 
	options JSON NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(domain_id) REFERENCES projects (id), 
	CONSTRAINT uq_role_name UNIQUE (domain_id, name)
);
INSERT INTO "roles" VALUES('3266d5f5b69d4e75aee48b73ee001dda','admin',NULL,NULL,'{"immutable": true}','{}');
INSERT INTO "roles" VALUES('4ee3b07616154664ba744b5de90e7aec','manager',NULL,NULL,'{"immutable": true}','{}');
INSERT INTO "roles" VALUES('f15bad01c04d4559aadf65e6fe062233','member',NULL,NULL,'{"immutable": true}','{}');
INSERT INTO "roles" VALUES('0bafb133ac48451595937ba731a36024','reader',NULL,NULL,'{"immutable": true}','{}');
INSERT INTO "roles" VALUES('7b5817c7219a4eb5b69568520ceb0b0a','service',NULL,NULL,'{"immutable": true}','{}');
INSERT INTO "roles" VALUES('f0b1329e95354f11b0ba31b2f41cc558','ResellerAdmin',NULL,NULL,'{"immutable": true}','{}');
CREATE TABLE seen_nonces (
	digest VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE TABLE services (
	id VARCHAR(64) NOT NULL, 
	type VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description TEXT, 
	enabled BOOLEAN NOT NULL, 
	extra JSON NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "services" VALUES('6719d3148c2949c0ad1a9e0f9bf7d503','identity','keystone',NULL,1,'{}');
INSERT INTO "services" VALUES('69035066de424edd9f1e9b8c670e46da','compute','nova',NULL,1,'{}');
INSERT INTO "services" VALUES('c7e3696cf71a49b6b1dc472144bf7b2e','image','glance',NULL,1,'{}');
INSERT INTO "services" VALUES('3cfb7479154c4eee94d8578650751257','network','neutron',NULL,1,'{}');
INSERT INTO "services" VALUES('7d82c0b4f5784799baf60c17fa691eb8','block-storage','cinder',NULL,1,'{}');
INSERT INTO "services" VALUES('234ddf78492e41fea70bf7ec6dc98019','volumev3','cinderv3',NULL,1,'{}');
INSERT INTO "services" VALUES('5b5cda5fc2d24e17b419a85721370dc4','object-store','swift',NULL,1,'{}');
CREATE TABLE trust_roles (
	trust_id VARCHAR(64) NOT NULL, 
	role_id VARCHAR(64) NOT NULL, 
	PRIMARY KEY (trust_id, role_id), 
	FOREIGN KEY(role_id) REFERENCES roles (id) ON DELETE CASCADE, 
	FOREIGN KEY(trust_id) REFERENCES trusts (id) ON DELETE CASCADE
);
CREATE TABLE trusts (
	id VARCHAR(64) NOT NULL, 
	trustor_id VARCHAR(64) NOT NULL, 
	trustee_id VARCHAR(64) NOT NULL, 
	project_id VARCHAR(64), 
	impersonation BOOLEAN NOT NULL, 
	expires_at DATETIME, 
	deleted_at DATETIME, 
	remaining_uses INTEGER, 
	redelegation_count INTEGER NOT NULL, 
	redelegated_trust_id VARCHAR(64), 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(project_id) REFERENCES projects (id) ON DELETE CASCADE, 
	FOREIGN KEY(trustee_id) REFERENCES users (id) ON DELETE CASCADE, 
	FOREIGN KEY(trustor_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE users (
	id VARCHAR(64) NOT NULL, 
	domain_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	description TEXT, 
	default_project_id VARCHAR(64), 
	options JSON NOT NULL, 
	extra JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	password_hash VARCHAR(255), 
	password_created_at DATETIME, 
	password_expires_at DATETIME, 
	password_chosen BOOLEAN NOT NULL, 
	failures INTEGER NOT NULL, 
	failed_at DATETIME, 
	PRIMARY KEY (id), 
	FOREIGN KEY(domain_id) REFERENCES projects (id), 
	CONSTRAINT uq_user_name UNIQUE (domain_id, name)
);
INSERT INTO "users" VALUES('8160e5fa067040a991481b0004b895b2','default','admin',1,NULL,'86b6e44b20964b15b09269a000739d38','{}','{}','2026-11-30 00:05:23.216434','$argon2id$v=19$m=19456,t=2,p=1$fIoZiHIf+zTjdUqHcwmusw$4OYDz2Hp3VNXWEk2mKEvGc/1Qh2j3DEYmrEhuRBUqx0','2026-11-30 00:05:21.785617',NULL,0,0,NULL);
INSERT INTO "users" VALUES('666862a08f4141e39bc05048a3829812','default','demo',1,NULL,'65e57d3bd1244723988403849bb03570','{}','{}','2026-11-30 00:05:23.216444','$argon2id$v=19$m=19456,t=2,p=1$8IoKiRjlKo5JGzFE+99luw$yno/wBCd8d0GqxjpaxKuxGHCqvmVTu9wjT0kq+Wc4EI','2026-11-30 00:05:21.941729',NULL,0,0,NULL);
INSERT INTO "users" VALUES('62fc374ad8f94bd79b40517f92a12c25','default','compute',1,NULL,'6f6c25d6a5014a2392c5c7bf29b4d5b5','{}','{}','2026-11-30 00:05:23.216450','$argon2id$v=19$m=19456,t=2,p=1$s53GK5MYhUSHU5BEBho5nQ$5Ppa5r1kNb+yyAeP4YPeNNVd8t/EKdM8iEsTP1Lg5cU','2026-11-30 00:05:22.019596',NULL,0,0,NULL);
INSERT INTO "users" VALUES('7f736bc7da654d92a1be61c818fb8e0c','default','image',1,NULL,'6f6c25d6a5014a2392c5c7bf29b4d5b5','{}','{}','2026-11-30 00:05:23.216454','$argon2id$v=19$m=19456,t=2,p=1$bAYtkkABL4KWAkRW9a0eFA$4m5i6qDNU1mHzTzcIrovhqXMSXKz0xYnFLD+Ouz+UP4','2026-11-30 00:05:22.088011',NULL,0,0,NULL);
INSERT INTO "users" VALUES('808dfc03d32f43f28b60780e202f365d','default','volume',1,NULL,'6f6c25d6a5014a2392c5c7bf29b4d5b5','{}','{}','2026-11-30 00:05:23.216458','$argon2id$v=19$m=19456,t=2,p=1$7wS481MWuEp/i+m+uGCNzQ$jW0X9kmCXSAeFRV9zdb7yANKXhBTjdviSc3fcA9CMWU','2026-11-30 00:05:22.363089',NULL,0,0,NULL);
INSERT INTO "users" VALUES('e63051ee55a0437f8dbc848febd68993','default','network',1,NULL,'6f6c25d6a5014a2392c5c7bf29b4d5b5','{}','{}','2026-11-30 00:05:23.216463','$argon2id$v=19$m=19456,t=2,p=1$oRg1s+8ezEimVu0UxkcB6A$RL35ccwZrFy8wi1UIqCQFGd2wr1VKLq1xN5E3uhDZZY','2026-11-30 00:05:22.523567',NULL,0,0,NULL);
INSERT INTO "users" VALUES('56f26f0e00f44029baeddc8b04c62b6e','default','objectstore',1,NULL,'6f6c25d6a5014a2392c5c7bf29b4d5b5','{}','{}','2026-11-30 00:05:23.216467','$argon2id$v=19$m=19456,t=2,p=1$YBijDnQp7LS9bDUZbggQtQ$ZHOUQmzUYg4LMyXZ+JbXiRiA6P07wfOrQuNK/VrrzXU','2026-11-30 00:05:22.893489',NULL,0,0,NULL);
INSERT INTO "users" VALUES('30f48aec8814453f82f067507b3f5bcf','default','identity',1,NULL,'6f6c25d6a5014a2392c5c7bf29b4d5b5','{}','{}','2026-11-30 00:05:23.216471','$argon2id$v=19$m=19456,t=2,p=1$f8tciGdOCQyLl8HC8NAMvQ$pa0CHUS5w1q5v2t2YLZVO7rlo9SEWR0deGvejQ8qf8k','2026-11-30 00:05:23.214112',NULL,0,0,NULL);
INSERT INTO "users" VALUES('b94cb79fc8b547c6adb1775282a43b8f','default','kept',1,NULL,NULL,'{}','{}','2026-11-30 00:07:10.684329','$argon2id$v=19$m=19456,t=2,p=1$0Vg2mq5MqDK80Zcj1zy6vQ$LJYYX6qTqFqPL9dk0KOSZPjl21SFEY5rfyIYK807IU0','2026-11-30 00:07:10.683197',NULL,0,0,NULL);
CREATE INDEX ix_project_name ON projects (name);
CREATE INDEX ix_projects_parent_id ON projects (parent_id);
CREATE UNIQUE INDEX uq_domain_name ON projects (name) WHERE is_domain;
CREATE INDEX ix_regions_parent_id ON regions (parent_id);
CREATE INDEX ix_revocations_before ON revocations ("before");
CREATE INDEX ix_services_type ON services (type);
CREATE INDEX ix_endpoints_region_id ON endpoints (region_id);
CREATE INDEX ix_endpoints_service_id ON endpoints (service_id);
CREATE INDEX ix_group_name ON groups (name);
CREATE INDEX ix_lineages_ancestor_id ON lineages (ancestor_id);
CREATE INDEX ix_project_tags_name ON project_tags (name);
CREATE UNIQUE INDEX uq_global_role_name ON roles (name) WHERE domain_id IS NULL;
CREATE INDEX ix_user_name ON users (name);
CREATE INDEX ix_users_default_project_id ON users (default_project_id);
CREATE INDEX ix_users_password_expires_at ON users (password_expires_at);
CREATE INDEX ix_application_credentials_project_id ON application_credentials (project_id);
CREATE INDEX ix_assignment_target ON assignments (target_id, target);
CREATE INDEX ix_assignments_role_id ON assignments (role_id);
CREATE INDEX ix_credentials_project_id ON credentials (project_id);
CREATE INDEX ix_credentials_type ON credentials (type);
CREATE INDEX ix_credentials_user_id ON credentials (user_id);
CREATE INDEX ix_implied_roles_implied_id ON implied_roles (implied_id);
CREATE INDEX ix_limits_owner_id ON limits (owner_id);
CREATE INDEX ix_memberships_group_id ON memberships (group_id);
CREATE INDEX ix_old_passwords_user_id ON old_passwords (user_id);
CREATE INDEX ix_trusts_project_id ON trusts (project_id);
CREATE INDEX ix_trusts_redelegated_trust_id ON trusts (redelegated_trust_id);
CREATE INDEX ix_trusts_trustee_id ON trusts (trustee_id);
CREATE INDEX ix_trusts_trustor_id ON trusts (trustor_id);
CREATE INDEX ix_application_credential_access_access_rule_id ON application_credential_access (access_rule_id);
CREATE INDEX ix_application_credential_roles_role_id ON application_credential_roles (role_id);
CREATE INDEX ix_trust_roles_role_id ON trust_roles (role_id);
CREATE INDEX ix_project_endpoint_groups_group_id ON project_endpoint_groups (group_id);
CREATE INDEX ix_project_endpoints_endpoint_id ON project_endpoints (endpoint_id);
CREATE INDEX ix_seen_nonces_at ON seen_nonces (at);
CREATE INDEX ix_request_tokens_consumer_id ON request_tokens (consumer_id);
CREATE INDEX ix_request_tokens_project_id ON request_tokens (project_id);
CREATE INDEX ix_request_tokens_user_id ON request_tokens (user_id);
CREATE INDEX ix_request_tokens_expires_at ON request_tokens (expires_at);
CREATE INDEX ix_access_tokens_consumer_id ON access_tokens (consumer_id);
CREATE INDEX ix_access_tokens_project_id ON access_tokens (project_id);
CREATE INDEX ix_access_tokens_user_id ON access_tokens (user_id);
CREATE INDEX ix_access_tokens_expires_at ON access_tokens (expires_at);
COMMIT;

BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE blobs (
	id VARCHAR(36) NOT NULL, 
	store VARCHAR(32) NOT NULL, 
	image_id VARCHAR(36) NOT NULL, 
	owner VARCHAR(255), 
	state VARCHAR(8) NOT NULL, 
	lease_until DOUBLE NOT NULL, 
	facts JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "blobs" VALUES('3aa77e75-b6a1-4ff7-a6d4-5adc94f543e7','file','6e154411-116c-44a0-8e72-adc23314fe19','86b6e44b20964b15b09269a000739d38','kept',1.79599724436382746691e+09,'{"size": 18149888, "virtual_size": 55574528, "md5": "87de43191f93e8b96df01bbd447cb128", "sha512": "038aca6f03dfe0789dddb9f914b5bbdc8a34eff01bbd98dd4c55522b85431bc4d0f4325700d611b3b963cd09fa938af65a1543d4fa090d7b5b38b4bef113bb2e", "sha256": "ad53ae5569b49918acadb622b0c5cc64280c4944eae80240012be8c4c24185fa"}','2026-11-30 00:06:23.877045');
INSERT INTO "blobs" VALUES('5b332235-7d7f-4d6c-9d18-be6b066b58bc','file','880c738c-2078-47f4-bb83-c00a2e5a1cf6','65e57d3bd1244723988403849bb03570','kept',1.79599727020102524757e+09,'{"size": 65536, "virtual_size": 65536, "md5": "598bf98d5c865461aef3eaa8d95a0fd9", "sha512": "b4885e27fb452980bee6ed67f36c8dead0f22f65b6e51b82abdb8a3000d70b63adeac2b1e7be8c0c75a342bd25e9a9f13ecd4b2e72bca634e020a5658b5effed", "sha256": "1f8745f0d2d1387ec1af2211a3cf417b2e9e885e853472649c1d979d0e9370e3"}','2026-11-30 00:06:50.177530');
CREATE TABLE definitions (
	namespace_id VARCHAR(36) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name VARCHAR(80) NOT NULL, 
	body JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (namespace_id, kind, name), 
	FOREIGN KEY(namespace_id) REFERENCES namespaces (id) ON DELETE CASCADE
);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	flow VARCHAR(64) NOT NULL, 
	step VARCHAR(64) NOT NULL, 
	outcome VARCHAR(8) NOT NULL, 
	cause TEXT, 
	request_id VARCHAR(64) NOT NULL, 
	worker VARCHAR(128) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME NOT NULL, spans JSON, 
	PRIMARY KEY (id)
);
CREATE TABLE images (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255), 
	status VARCHAR(16) NOT NULL, 
	visibility VARCHAR(16) NOT NULL, 
	owner VARCHAR(255), 
	protected BOOLEAN NOT NULL, 
	os_hidden BOOLEAN NOT NULL, 
	container_format VARCHAR(20), 
	disk_format VARCHAR(20), 
	min_disk INTEGER NOT NULL, 
	min_ram INTEGER NOT NULL, 
	size BIGINT, 
	virtual_size BIGINT, 
	checksum VARCHAR(32), 
	os_hash_algo VARCHAR(64), 
	os_hash_value VARCHAR(128), 
	sha256 VARCHAR(64), 
	tags JSON NOT NULL, 
	properties JSON NOT NULL, 
	blob VARCHAR(36), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "images" VALUES('6e154411-116c-44a0-8e72-adc23314fe19','pileus-test','active','public','86b6e44b20964b15b09269a000739d38',0,0,'bare','qcow2',0,96,18149888,55574528,'87de43191f93e8b96df01bbd447cb128','sha512','038aca6f03dfe0789dddb9f914b5bbdc8a34eff01bbd98dd4c55522b85431bc4d0f4325700d611b3b963cd09fa938af65a1543d4fa090d7b5b38b4bef113bb2e','ad53ae5569b49918acadb622b0c5cc64280c4944eae80240012be8c4c24185fa','[]','{}','3aa77e75-b6a1-4ff7-a6d4-5adc94f543e7','2026-11-30 00:06:23.819019','2026-11-30 00:06:24.428303');
INSERT INTO "images" VALUES('880c738c-2078-47f4-bb83-c00a2e5a1cf6','kept','active','shared','65e57d3bd1244723988403849bb03570',0,0,'bare','raw',0,0,65536,65536,'598bf98d5c865461aef3eaa8d95a0fd9','sha512','b4885e27fb452980bee6ed67f36c8dead0f22f65b6e51b82abdb8a3000d70b63adeac2b1e7be8c0c75a342bd25e9a9f13ecd4b2e72bca634e020a5658b5effed','1f8745f0d2d1387ec1af2211a3cf417b2e9e885e853472649c1d979d0e9370e3','["old"]','{"os_distro": "debian", "owner_specified.openstack.md5": "", "owner_specified.openstack.sha256": "", "owner_specified.openstack.object": "images/kept"}','5b332235-7d7f-4d6c-9d18-be6b066b58bc','2026-11-30 00:06:50.040287','2026-11-30 00:06:50.331276');
CREATE TABLE jobs (
	id VARCHAR(36) NOT NULL, 
	flow VARCHAR(64) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	step VARCHAR(64) NOT NULL, 
	data JSON NOT NULL, 
	owner VARCHAR(128), 
	lease_until DOUBLE NOT NULL, 
	run_at DOUBLE NOT NULL, 
	waiting_since DOUBLE, 
	tries INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	cancelled BOOLEAN NOT NULL, 
	error TEXT, 
	request_id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(64), 
	project_id VARCHAR(64), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, arrived_at DATETIME, 
	PRIMARY KEY (id)
);
CREATE TABLE members (
	image_id VARCHAR(36) NOT NULL, 
	member_id VARCHAR(255) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (image_id, member_id), 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
CREATE TABLE namespaces (
	id VARCHAR(36) NOT NULL, 
	namespace VARCHAR(80) NOT NULL, 
	display_name VARCHAR(80), 
	description TEXT, 
	visibility VARCHAR(16) NOT NULL, 
	protected BOOLEAN NOT NULL, 
	owner VARCHAR(255), 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (namespace)
);
CREATE TABLE terms (
	digest VARCHAR(64) NOT NULL, 
	image_id VARCHAR(36) NOT NULL, 
	PRIMARY KEY (digest, image_id), 
	FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);
INSERT INTO "terms" VALUES('ec637648b2928ca9374942e34f1554610f8b61cbe8a0f3acfef802c22e6f9a3b','880c738c-2078-47f4-bb83-c00a2e5a1cf6');
INSERT INTO "terms" VALUES('60342f012478460de1f6ea43ec8d653e7f655053e550aa4bdf8960b2ac616022','880c738c-2078-47f4-bb83-c00a2e5a1cf6');
INSERT INTO "terms" VALUES('121219f9953417fce6ae50b3f126bb834d4f368309b0aaf74bada5d19ec97243','880c738c-2078-47f4-bb83-c00a2e5a1cf6');
INSERT INTO "terms" VALUES('95cbc947e64eb5347d3382b0a89ebae444cb0dbb7d9574799ba4a61671b8d35c','880c738c-2078-47f4-bb83-c00a2e5a1cf6');
INSERT INTO "terms" VALUES('58713b4f39649b350493e020e03e83a6a79c76d9826af5df0b768840a779065d','880c738c-2078-47f4-bb83-c00a2e5a1cf6');
CREATE INDEX ix_blobs_image_id ON blobs (image_id);
CREATE INDEX ix_blobs_owner ON blobs (owner);
CREATE INDEX ix_blobs_state ON blobs (state);
CREATE INDEX ix_events_job_id ON events (job_id);
CREATE INDEX ix_events_request_id ON events (request_id);
CREATE INDEX ix_events_subject ON events (subject);
CREATE INDEX images_by_time ON images (created_at, id);
CREATE INDEX images_by_visibility ON images (visibility, created_at, id);
CREATE INDEX images_of_owner ON images (owner, created_at, id);
CREATE INDEX ix_jobs_subject ON jobs (subject);
CREATE INDEX jobs_due ON jobs (run_at, lease_until) WHERE state IN ('running', 'undoing', 'stuck');
CREATE UNIQUE INDEX jobs_one_live ON jobs (subject) WHERE state IN ('running', 'undoing', 'stuck');
CREATE INDEX ix_members_member_id ON members (member_id);
CREATE INDEX ix_terms_image_id ON terms (image_id);
CREATE INDEX ix_jobs_request_id ON jobs (request_id);
COMMIT;

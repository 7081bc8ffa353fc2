package datacenter

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// identity is a certificate with its key, in PEM.
type identity struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// orNew returns the identity, or a new one where it is empty or will not be
// valid for much longer.
func (id identity) orNew(issue func() (identity, error)) (identity, error) {
	if pair, err := tls.X509KeyPair([]byte(id.Cert), []byte(id.Key)); err == nil && time.Until(pair.Leaf.NotAfter) > 30*24*time.Hour {
		return id, nil
	}
	return issue()
}

func (id identity) pair() (tls.Certificate, error) {
	return tls.X509KeyPair([]byte(id.Cert), []byte(id.Key))
}

// fingerprint is SHA-256 over the certificate, in hex.
func (id identity) fingerprint() string {
	block, _ := pem.Decode([]byte(id.Cert))
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:])
}

const certificateLife = 5 * 365 * 24 * time.Hour

func template(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(certificateLife),
		BasicConstraintsValid: true,
	}, nil
}

// newAuthority is the center's CA.
func newAuthority() (identity, error) {
	t, err := template("Simulated data centre CA")
	if err != nil {
		return identity{}, err
	}
	t.IsCA, t.KeyUsage, t.MaxPathLenZero = true, x509.KeyUsageCertSign, true
	return issue(t, nil)
}

// newBMC returns the certificate of a BMC on 127.0.0.1, signed by the
// authority, or by itself where there is none.
func newBMC(host string, authority *identity) (identity, error) {
	t, err := template(host)
	if err != nil {
		return identity{}, err
	}
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.DNSNames, t.IPAddresses = []string{host}, []net.IP{net.IPv4(127, 0, 0, 1)}
	return issue(t, authority)
}

func issue(t *x509.Certificate, authority *identity) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	parent, signer := t, any(key)
	if authority != nil {
		pair, err := authority.pair()
		if err != nil {
			return identity{}, err
		}
		parent, signer = pair.Leaf, pair.PrivateKey
	}
	cert, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return identity{}, fmt.Errorf("sign the certificate of %s: %w", t.Subject.CommonName, err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return identity{}, err
	}
	return identity{
		Cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		Key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})),
	}, nil
}
